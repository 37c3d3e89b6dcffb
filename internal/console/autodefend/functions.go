package autodefend

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// functionFilter is what the inventory itself doesn't look for.
type functionFilter struct {
	layers, checks []string
	// nothing says that no function can match: the filter is about something that functions here don't have.
	nothing bool
}

// filterOf reads the filters that are applied here. Functions aren't scanned for vulnerabilities and compliance, so a
// filter for those finds none.
func filterOf(c *route.Call) functionFilter {
	f := functionFilter{layers: texts(c.Query, "functionLayers"), checks: texts(c.Query, "check")}
	for _, name := range []string{"complianceIDs", "complianceRuleName", "normalizedSeverity", "issueType", "cloudControllerAddresses"} {
		f.nothing = f.nothing || len(texts(c.Query, name)) > 0
	}
	for name, only := range map[string]string{"version": "$LATEST", "platform": "linux", "provider": "aws"} {
		wanted := texts(c.Query, name)
		f.nothing = f.nothing || len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, only) })
	}
	return f
}

// scans reports whether every function has to be looked at.
func (f functionFilter) scans() bool { return len(f.layers)+len(f.checks) > 0 }

func (f functionFilter) matches(info api.FunctionInfo) bool {
	if len(f.layers) > 0 && !slices.ContainsFunc(info.FunctionLayers, func(l api.LayerInfo) bool {
		return slices.Contains(f.layers, l.ID) || slices.Contains(f.layers, l.Name)
	}) {
		return false
	}
	return len(f.checks) == 0 || slices.ContainsFunc(info.Own.Reasons, func(r autodefend.Reason) bool {
		return slices.Contains(f.checks, string(r.Check))
	})
}

// find reads a page of functions and how many there are in all.
func (s *Service) find(ctx context.Context, c *route.Call, p api.Page) ([]api.FunctionRecord, int, error) {
	q, err := s.functionQuery(ctx, c)
	filter := filterOf(c)
	if err != nil || filter.nothing {
		return nil, 0, err
	}
	q.Page = p
	if !filter.scans() {
		return s.cfg.Inventory.Functions(ctx, q)
	}
	var found []api.FunctionRecord
	total := 0
	err = s.eachFound(ctx, c, p, func(r api.FunctionRecord) error {
		if total >= p.Offset && len(found) < p.Limit {
			found = append(found, r)
		}
		total++
		return nil
	})
	return found, total, err
}

// eachFound goes through all functions that are asked for, in the order of a page.
func (s *Service) eachFound(ctx context.Context, c *route.Call, order api.Page, do func(api.FunctionRecord) error) error {
	q, err := s.functionQuery(ctx, c)
	filter := filterOf(c)
	if err != nil || filter.nothing {
		return err
	}
	q.Page = api.Page{Sort: order.Sort, Reverse: order.Reverse}
	return s.eachFunction(ctx, q, func(r api.FunctionRecord) error {
		if !filter.scans() {
			return do(r)
		}
		_, info, err := functionOf(r)
		if err != nil || !filter.matches(info) {
			return err
		}
		return do(r)
	})
}

// functions answers a page of functions.
func (s *Service) functions(ctx context.Context, c *route.Call) (route.Answer, error) {
	p, err := page(c.Query, pageLimit)
	if err != nil {
		return route.Answer{}, err
	}
	records, total, err := s.find(ctx, c, p)
	if err != nil {
		return route.Answer{}, err
	}
	bodies, err := s.shown(ctx, c, records, texts(c.Query, "fields"))
	if err != nil {
		return route.Answer{}, err
	}
	return list(bodies, total), nil
}

// shown are functions as a caller sees them: with the collections that hold them now, and only the members in fields.
func (s *Service) shown(ctx context.Context, c *route.Call, records []api.FunctionRecord, fields []string) ([]json.RawMessage, error) {
	collections, err := s.membership(ctx, c)
	if err != nil {
		return nil, err
	}
	bodies := make([]json.RawMessage, len(records))
	for i, r := range records {
		info, err := collections.of(r)
		if err != nil {
			return nil, err
		}
		if bodies[i], err = project(info, fields); err != nil {
			return nil, err
		}
	}
	return bodies, nil
}

// project keeps of a function only the members that are asked for, and its id.
func project(info api.FunctionInfo, fields []string) (json.RawMessage, error) {
	body, err := json.Marshal(info)
	if err != nil || len(fields) == 0 {
		return body, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	for name := range all {
		if name != "_id" && !slices.Contains(fields, name) {
			delete(all, name)
		}
	}
	return json.Marshal(all)
}

// functionNames answers the names of the functions, each once.
func (s *Service) functionNames(ctx context.Context, c *route.Call) (route.Answer, error) {
	p, err := page(c.Query, pageLimit)
	if err != nil {
		return route.Answer{}, err
	}
	names := []string{}
	err = s.eachFound(ctx, c, api.Page{}, func(r api.FunctionRecord) error {
		names = append(names, r.Name)
		return nil
	})
	if err != nil {
		return route.Answer{}, err
	}
	slices.Sort(names)
	names = slices.Compact(names)
	total := len(names)
	return list(cut(names, p), total), nil
}

// functionTable answers the functions as CSV.
func (s *Service) functionTable(ctx context.Context, c *route.Call) (route.Answer, error) {
	order, err := page(c.Query, pageLimit)
	if err != nil {
		return route.Answer{}, err
	}
	t := newTable(
		"Name", "ID", "Account", "Region", "Runtime", "Version", "Architecture", "Memory", "Timeout", "Handler", "Role",
		"Defended", "Defender Layer", "Layers", "Tags", "Decision", "Rule", "Reasons", "Scan Time",
	)
	err = s.eachFound(ctx, c, order, func(r api.FunctionRecord) error {
		_, info, err := functionOf(r)
		if err == nil {
			t.add(functionRow(info)...)
		}
		return err
	})
	if err != nil {
		return route.Answer{}, err
	}
	return t.answer()
}

func functionRow(info api.FunctionInfo) []string {
	var layers, tags, reasons []string
	for _, l := range info.FunctionLayers {
		layers = append(layers, l.ID)
	}
	for _, t := range info.FunctionTags {
		tags = append(tags, t.Key+":"+t.Value)
	}
	for _, r := range info.Own.Reasons {
		reasons = append(reasons, string(r.Check)+": "+r.Message)
	}
	return []string{
		info.Name, info.ID, info.AccountID, info.Region, info.Runtime, info.Version, info.Architecture, fmt.Sprint(info.Memory),
		fmt.Sprint(info.Timeout), info.Handler, info.Role, strconv.FormatBool(info.Defended), info.DefenderLayerARN,
		strings.Join(layers, " "), strings.Join(tags, "; "), string(info.Own.Decision), info.Own.Rule,
		strings.Join(reasons, "; "), info.ScanTime.Format(time.RFC3339),
	}
}

// evaluateBody names functions; the rest of what clients send of them doesn't matter.
type evaluateBody struct {
	Functions []functionID `json:"functions"`
}

type functionID struct {
	ID string `json:"_id"`
}

// evaluateAnswer holds functions as in GET /serverless.
type evaluateAnswer struct {
	Functions []json.RawMessage `json:"functions"`
}

// evaluateFunctions answers functions with what is known of them: their verdicts. It's Prisma's endpoint that gives results
// of vulnerability rules, of which there are none here.
func (s *Service) evaluateFunctions(ctx context.Context, c *route.Call) (route.Answer, error) {
	var body evaluateBody
	if len(c.Body) > 0 {
		if err := json.Unmarshal(c.Body, &body); err != nil {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "functions: want an object with an array of functions").
				WithHint(`send {"functions":[{"_id":"ARN"}]}`)
		}
	}
	q := api.FunctionQuery{Page: api.Page{Limit: ownPageLimit}}
	for _, f := range body.Functions {
		q.IDs = append(q.IDs, f.ID)
	}
	out := evaluateAnswer{[]json.RawMessage{}}
	if len(q.IDs) == 0 {
		return route.Answer{JSON: out}, nil
	}
	if len(q.IDs) > ownPageLimit {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "functions: there are %d, and may be %d", len(q.IDs), ownPageLimit)
	}
	scopes, err := s.seen(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	q.Scopes = scopes
	records, _, err := s.cfg.Inventory.Functions(ctx, q)
	if err != nil {
		return route.Answer{}, err
	}
	out.Functions, err = s.shown(ctx, c, records, nil)
	return route.Answer{JSON: out}, err
}
