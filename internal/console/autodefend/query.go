package autodefend

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// pageLimit is the default and the largest page of Prisma's lists; ours may be larger.
const (
	pageLimit    = 50
	ownPageLimit = 1000
)

// texts are the values of a parameter, repeated or divided by commas.
func texts(q url.Values, name string) []string {
	var all []string
	for _, value := range q[name] {
		for text := range strings.SplitSeq(value, ",") {
			if text = strings.TrimSpace(text); text != "" {
				all = append(all, text)
			}
		}
	}
	return all
}

// number reads a parameter that is a whole number.
func number(q url.Values, name string, otherwise int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, autodefend.Errorf(autodefend.CodeInvalid, "%s: want a whole number from 0, have %q", name, shorten(text))
	}
	return n, nil
}

// flag reads a parameter that is true or false; nil when it isn't given.
func flag(q url.Values, name string) (*bool, error) {
	text := q.Get(name)
	if text == "" {
		return nil, nil //nolint:nilnil // not given is no error
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: want true or false, have %q", name, shorten(text))
	}
	return &b, nil
}

// shorten bounds foreign text in a message.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// page reads offset, limit, sort and reverse. A larger limit than most is most.
func page(q url.Values, most int) (api.Page, error) {
	p := api.Page{Sort: q.Get("sort")}
	var err error
	if p.Offset, err = number(q, "offset", 0); err != nil {
		return p, err
	}
	if p.Limit, err = number(q, "limit", pageLimit); err != nil {
		return p, err
	}
	if p.Limit == 0 {
		p.Limit = pageLimit
	}
	p.Limit = min(p.Limit, most)
	reverse, err := flag(q, "reverse")
	if err != nil {
		return p, err
	}
	p.Reverse = reverse != nil && *reverse
	return p, nil
}

// functionQuery reads the filters of functions.
func (s *Service) functionQuery(ctx context.Context, c *route.Call) (api.FunctionQuery, error) {
	q := api.FunctionQuery{
		IDs: texts(c.Query, "id"), Accounts: texts(c.Query, "accountIDs"), Regions: texts(c.Query, "region"),
		Names: texts(c.Query, "name"), Runtimes: texts(c.Query, "runtime"), Architectures: texts(c.Query, "architecture"),
		Decisions: texts(c.Query, "decision"), Rules: texts(c.Query, "rule"), Search: c.Query.Get("search"),
	}
	var err error
	if q.Defended, err = flag(c.Query, "defended"); err != nil {
		return q, err
	}
	q.Scopes, err = s.seen(ctx, c)
	return q, err
}

// seen restricts a list to the collections that are asked for and that the caller may see; nil doesn't restrict.
func (s *Service) seen(ctx context.Context, c *route.Call) ([]api.FunctionScope, error) {
	names := texts(c.Query, "collections")
	allowed := c.Principal.Collections
	switch {
	case len(names) == 0:
		names = allowed
	case c.Principal.Limited():
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(allowed, name) })
		if len(names) == 0 {
			return nil, autodefend.Errorf(autodefend.CodeDenied, "collections: none of them is yours").
				WithHint("GET /api/v1/current/collections lists yours")
		}
	}
	if len(names) == 0 || slices.Contains(names, api.AllCollection) {
		return nil, nil
	}
	return s.cfg.Collections.Scopes(ctx, names)
}

// list answers a list with its length in all.
func list(values any, total int) route.Answer {
	return route.Answer{JSON: values, Header: map[string]string{"Total-Count": strconv.Itoa(total)}}
}

// cut returns a page of a list that is all in memory.
func cut[T any](all []T, p api.Page) []T {
	if p.Reverse {
		slices.Reverse(all)
	}
	if p.Offset >= len(all) {
		return []T{}
	}
	return all[p.Offset:min(len(all), p.Offset+p.Limit)]
}

// table is an answer in CSV.
type table struct {
	text bytes.Buffer
	rows *csv.Writer
}

// newTable makes one with the names of the columns.
func newTable(columns ...string) *table {
	t := &table{}
	t.rows = csv.NewWriter(&t.text)
	t.add(columns...)
	return t
}

// add adds a row. Cells that a spreadsheet would take for formulas are marked as text.
func (t *table) add(cells ...string) {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	_ = t.rows.Write(cells) // the writer keeps its first error
}

func (t *table) answer() (route.Answer, error) {
	t.rows.Flush()
	return route.Answer{Raw: t.text.Bytes(), Media: "text/csv"}, t.rows.Error()
}
