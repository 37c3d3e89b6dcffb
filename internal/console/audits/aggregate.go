package audits

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

const (
	// mergeMax is how many audits are merged for one answer, groupsMax how many different ones may come of it.
	mergeMax  = 20_000
	groupsMax = 5_000
)

// group are audits that are equal but for what happens to differ between two of the same.
type group struct {
	body   []byte // of the newest one
	newest time.Time
	count  int
}

// unequal are members that two audits of the same may differ in.
func unequal() []string { return []string{"_id", "time", "pid", "requestID", "count", "eventID"} }

// aggregated answers with audits merged, the newest first. At most mergeMax are read, the newest; a header says so when
// there were more.
func (s *Service) aggregated(ctx context.Context, f api.AuditFilter) (route.Answer, error) {
	select {
	case s.merging <- struct{}{}:
		defer func() { <-s.merging }()
	case <-ctx.Done():
		return route.Answer{}, &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "merge audits", Err: ctx.Err()}
	}
	groups, complete, err := s.merge(ctx, f.Query)
	if err != nil {
		return route.Answer{}, err
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return b.newest.Compare(a.newest) })
	if f.Query.Page.Reverse && (f.Query.Page.Sort == "" || f.Query.Page.Sort == "time") {
		slices.Reverse(groups)
	}
	from := min(f.Query.Page.Offset, len(groups))
	var bodies [][]byte
	for _, g := range groups[from:min(len(groups), from+f.Query.Page.Limit)] {
		body, err := g.whole(f.Fields)
		if err != nil {
			return route.Answer{}, err
		}
		bodies = append(bodies, body)
	}
	answer := listed(bodies, len(groups))
	if !complete {
		answer.Header["Aggregated-Newest"] = strconv.Itoa(mergeMax)
	}
	return answer, nil
}

// merge reads audits from the newest and merges them. It reports whether it read all.
func (s *Service) merge(ctx context.Context, q api.AuditQuery) ([]*group, bool, error) {
	known := make(map[[sha256.Size]byte]*group)
	var groups []*group
	read := 0
	for records, err := range s.newestFirst(ctx, q) {
		if err != nil {
			return nil, false, err
		}
		for i := range records {
			key, err := mergeKey(records[i].Body)
			if err != nil {
				return nil, false, err
			}
			g := known[key]
			if g == nil {
				if len(groups) == groupsMax {
					return groups, false, nil
				}
				g = &group{body: records[i].Body, newest: records[i].Time}
				known[key], groups = g, append(groups, g)
			}
			g.count += max(1, records[i].Count)
		}
		if read += len(records); read >= mergeMax {
			return groups, false, nil
		}
	}
	return groups, true, nil
}

// mergeKey is equal for audits that are to be merged.
func mergeKey(body []byte) ([sha256.Size]byte, error) {
	members, err := membersOf(body)
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	for _, name := range unequal() {
		delete(members, name)
	}
	rest, err := json.Marshal(members) // sorted by name
	if err != nil {
		return [sha256.Size]byte{}, &autodefend.Error{Code: autodefend.CodeInternal, Message: "merge audits", Err: err}
	}
	return sha256.Sum256(rest), nil
}

func membersOf(body []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, &autodefend.Error{Code: autodefend.CodeInternal, Message: "read a stored audit", Err: err}
	}
	return members, nil
}

// whole is the group as one audit: what its audits have in common, with the id and time of the newest and the count of all.
func (g *group) whole(fields []string) ([]byte, error) {
	members, err := membersOf(g.body)
	if err != nil {
		return nil, err
	}
	for _, name := range unequal() {
		if name != "_id" && name != "time" {
			delete(members, name)
		}
	}
	members["count"] = json.RawMessage(strconv.Itoa(g.count))
	body, err := json.Marshal(members)
	if err != nil {
		return nil, &autodefend.Error{Code: autodefend.CodeInternal, Message: "write merged audits", Err: err}
	}
	return selected(body, fields)
}
