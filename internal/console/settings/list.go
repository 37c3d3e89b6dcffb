package settings

import (
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/console/route"
)

// listAnswer answers with a list and its length. Settings are few, and clients want all: they are divided only when a
// limit or an offset is given.
func listAnswer[T any](c *route.Call, all []T, text func(*T) string) (route.Answer, error) {
	if search := strings.ToLower(c.Query.Get("search")); search != "" {
		all = slices.DeleteFunc(all, func(x T) bool { return !strings.Contains(strings.ToLower(text(&x)), search) })
	}
	total := len(all)
	offset, err := number(c, "offset", 0)
	if err != nil {
		return route.Answer{}, err
	}
	limit, err := number(c, "limit", total)
	if err != nil {
		return route.Answer{}, err
	}
	if limit == 0 {
		limit = total
	}
	if reverse, _, err := flag(c, "reverse"); err != nil {
		return route.Answer{}, err
	} else if reverse {
		slices.Reverse(all)
	}
	all = all[min(offset, total):]
	all = all[:min(limit, len(all))]
	if all == nil {
		all = []T{}
	}
	return route.Answer{JSON: all, Header: map[string]string{"Total-Count": strconv.Itoa(total)}}, nil
}

// number reads a parameter that is a number of things.
func number(c *route.Call, name string, none int) (int, error) {
	text := c.Query.Get(name)
	if text == "" {
		return none, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalid(name, "", "want a whole number from 0, have %q", clip(text))
	}
	return n, nil
}

// values reads a parameter that may be repeated, or hold several values divided by commas.
func values(c *route.Call, name string) []string {
	var all []string
	for _, text := range c.Query[name] {
		for v := range strings.SplitSeq(text, ",") {
			if v = strings.TrimSpace(v); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}
