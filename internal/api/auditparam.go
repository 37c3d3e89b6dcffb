package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// Bounds of what is asked for.
const (
	// PageLimit is how many elements a list has at most, and unless fewer are wanted.
	PageLimit = 50

	offsetMax = 100_000_000
	valuesMax = 500      // of one parameter
	valueMax  = 16 << 10 // bytes
	fieldsMax = 100
)

// Param describes one query parameter of an endpoint.
type Param struct {
	Name, Summary string
	// Type is string, integer, boolean or time.
	Type string
	Many bool
}

// params reads query parameters; the first problem counts.
type params struct {
	query url.Values
	err   *autodefend.Error
}

func (p *params) fail(name, what, hint string) {
	if p.err == nil {
		p.err = autodefend.Errorf(autodefend.CodeInvalid, "%s: %s", name, what).WithHint("%s", hint)
	}
}

func (p *params) result() error {
	if p.err == nil {
		return nil
	}
	return p.err
}

// one is the parameter's only value; "" when it isn't there.
func (p *params) one(name string) string {
	all := p.query[name]
	if len(all) == 0 {
		return ""
	}
	if len(all) > 1 {
		p.fail(name, "is given more than once", "give it once")
	}
	return p.checked(name, strings.TrimSpace(all[0]))
}

func (p *params) checked(name, value string) string {
	switch {
	case len(value) > valueMax:
		p.fail(name, "is too long", "cut it to "+strconv.Itoa(valueMax)+" bytes")
	case strings.ContainsRune(value, 0):
		p.fail(name, "has a NUL character", "leave it out")
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}

// whole are the values of a repeated parameter. They aren't divided at commas: they are texts.
func (p *params) whole(name string) []string {
	var all []string
	for _, value := range p.query[name] {
		if value = p.checked(name, value); value != "" {
			all = append(all, value)
		}
	}
	if len(all) > valuesMax {
		p.fail(name, "has too many values", "give at most "+strconv.Itoa(valuesMax))
	}
	return all
}

// many are the values of a parameter that may be repeated, or hold several values divided by commas.
func (p *params) many(name string) []string {
	var all []string
	for _, text := range p.whole(name) {
		for value := range strings.SplitSeq(text, ",") {
			if value = strings.TrimSpace(value); value != "" && !slices.Contains(all, value) {
				all = append(all, value)
			}
			if len(all) > valuesMax {
				p.fail(name, "has too many values", "give at most "+strconv.Itoa(valuesMax))
				return nil
			}
		}
	}
	return all
}

// words are the values of an enumeration.
func (p *params) words(name, list string) []string {
	all := p.many(name)
	for _, value := range all {
		if !oneOf(list, value) {
			p.fail(name, strconv.Quote(clip(value))+" is unknown", "use one of "+values(list))
		}
	}
	return all
}

// number is a number between bounds; the fallback when it isn't there.
func (p *params) number(name string, fallback, least, most int) int {
	text := p.one(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		p.fail(name, strconv.Quote(clip(text))+" is no number in range", "it is from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
		return fallback
	}
	return n
}

// flag is a boolean; nil when it isn't there.
func (p *params) flag(name string) *bool {
	text := p.one(name)
	if text == "" {
		return nil
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		p.fail(name, strconv.Quote(clip(text))+" is neither true nor false", "use true or false")
		return nil
	}
	return &b
}

// is tells whether a boolean is true.
func (p *params) is(name string) bool {
	b := p.flag(name)
	return b != nil && *b
}

// when is a time: RFC 3339, or a day for its midnight in UTC; zero when it isn't there. A zone whose plus sign wasn't
// escaped arrives with a space.
func (p *params) when(name string) time.Time {
	text := p.one(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "+", 1))
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		p.fail(name, strconv.Quote(clip(text))+" is no time", "write it as 2026-01-31T23:59:59Z")
		return time.Time{}
	}
	return t.UTC()
}

// window is from and to.
func (p *params) window() (time.Time, time.Time) {
	from, to := p.when("from"), p.when("to")
	if !from.IsZero() && !to.IsZero() && from.After(to) {
		p.fail("from", "is after to", "exchange them")
	}
	return from, to
}

// page is offset, limit, sort and reverse; sortable are the members that the list can be sorted by, between spaces. A
// limit above the largest one is the largest one.
func (p *params) page(sortable string) Page {
	page := Page{
		Offset: p.number("offset", 0, 0, offsetMax), Limit: p.number("limit", PageLimit, 0, 1<<31-1),
		Sort: p.one("sort"), Reverse: p.is("reverse"),
	}
	if page.Limit == 0 || page.Limit > PageLimit {
		page.Limit = PageLimit
	}
	if page.Sort != "" && !oneOf(sortable, page.Sort) {
		p.fail("sort", strconv.Quote(clip(page.Sort))+" isn't what the list can be sorted by", "use one of "+values(sortable))
	}
	return page
}

// fields are the members that are wanted; nil for all.
func (p *params) fields() []string {
	all := p.many("fields")
	if len(all) > fieldsMax {
		p.fail("fields", "has too many values", "give at most "+strconv.Itoa(fieldsMax))
	}
	return all
}
