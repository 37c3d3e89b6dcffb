package crstest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
)

// mutation makes another event of one, or says that it can't.
type mutation struct {
	name string
	make func(e *functionURL, random *rand.Rand) bool
}

func mutations() []mutation {
	return []mutation{
		{"query to form", func(e *functionURL, _ *rand.Rand) bool { return e.toForm() }},
		{"query to JSON", func(e *functionURL, _ *rand.Rand) bool { return e.toJSON() }},
		{"query to cookie", func(e *functionURL, _ *rand.Rand) bool { return e.toCookie() }},
		{"other case", func(e *functionURL, random *rand.Rand) bool {
			return e.eachText(func(s string) string { return otherCase(s, random) })
		}},
		{"encoded once more", func(e *functionURL, _ *rand.Rand) bool {
			return e.eachText(func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") })
		}},
		{"cut", func(e *functionURL, random *rand.Rand) bool {
			return e.eachText(func(s string) string { return s[:random.IntN(len(s)+1)] })
		}},
		{"bytes changed", func(e *functionURL, random *rand.Rand) bool {
			return e.eachText(func(s string) string { return changeBytes(s, random) })
		}},
		{"comment in spaces", func(e *functionURL, _ *rand.Rand) bool {
			return e.eachText(func(s string) string { return strings.ReplaceAll(s, " ", "/**/") })
		}},
		{"quotes", func(e *functionURL, _ *rand.Rand) bool {
			return e.eachText(func(s string) string { return strings.ReplaceAll(s, "'", "\u2019") })
		}},
	}
}

// TestMutatedEvents compares us with Coraza, and the prefilter with none, on events made of the Core Rule Set's.
func TestMutatedEvents(t *testing.T) {
	events := 600
	if *long {
		events = 20_000
	}
	random := rand.New(rand.NewPCG(9, 10))
	base, muts := stages(t), mutations()
	var all []stage
	for len(all) < events {
		s := base[random.IntN(len(base))]
		m := muts[random.IntN(len(muts))]
		s.event = s.event.clone()
		if m.make(&s.event, random) {
			s.name += ", " + m.name
			all = append(all, s)
		}
	}
	verdicts := judgeAll(corazaPL1(t, nil), all)
	ours, plain := engine(t, policy.LevelCore, waas.CorePlaces()), engine(t, policy.LevelCore, waas.Unfiltered(), waas.CorePlaces())
	detected := 0
	for i := range all {
		s := &all[i]
		data := s.event.json()
		got, want := fired(ours, data), shared(verdicts[i])
		if len(got) > 0 {
			detected++
		}
		if i%4 == 0 {
			if unfiltered := fired(plain, data); !slices.Equal(got, unfiltered) {
				t.Errorf("%s: %v fire, without the prefilter %v\n%s", s.name, got, unfiltered, data)
			}
		}
		_, mutation, _ := strings.Cut(s.name, ", ")
		if diff := difference(got, want); diff != "" && diff != knownMutated()[mutation].rules {
			t.Errorf("%s: ours %v, Coraza's %v: %s\n%s", s.name, got, want, diff, data)
		}
	}
	t.Logf("figure: crs mutated events %d, attacks in %d, other rules than Coraza in none but those listed", len(all), detected)
}

func (e *functionURL) clone() functionURL {
	c := *e
	c.Headers = make(map[string]string, len(e.Headers))
	for name, value := range e.Headers {
		c.Headers[name] = value
	}
	c.Cookies = slices.Clone(e.Cookies)
	return c
}

// pairs are the query's parameters, decoded.
func (e *functionURL) pairs() [][2]string {
	var all [][2]string
	for part := range strings.SplitSeq(e.RawQueryString, "&") {
		name, value, _ := strings.Cut(part, "=")
		n, err := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if part == "" || err != nil || err2 != nil {
			return nil
		}
		all = append(all, [2]string{n, v})
	}
	return all
}

func (e *functionURL) send(kind, body string) bool {
	e.RequestContext.HTTP.Method, e.RawQueryString = "POST", ""
	e.Headers["content-type"], e.Headers["content-length"] = kind, fmt.Sprint(len(body))
	e.setBody(body)
	return true
}

func (e *functionURL) toForm() bool {
	return e.pairs() != nil && e.Body == "" && e.send("application/x-www-form-urlencoded", e.RawQueryString)
}

func (e *functionURL) toJSON() bool {
	pairs := e.pairs()
	object := map[string]any{}
	for _, p := range pairs {
		object[p[0]] = p[1]
	}
	body, err := json.Marshal(map[string]any{"data": object})
	return pairs != nil && e.Body == "" && err == nil && e.send("application/json", string(body))
}

func (e *functionURL) toCookie() bool {
	pairs := e.pairs()
	for _, p := range pairs {
		if strings.ContainsAny(p[0]+p[1], ";, \r\n\t=\"\x00") {
			return false
		}
		e.Cookies = append(e.Cookies, p[0]+"="+p[1])
	}
	e.RawQueryString = ""
	return pairs != nil
}

// eachText changes the decoded values of the query, or those of a form.
func (e *functionURL) eachText(change func(string) string) bool {
	form := e.RawQueryString == "" && e.Headers["content-type"] == "application/x-www-form-urlencoded"
	source := *e
	if form {
		source.RawQueryString = e.body()
	}
	pairs := source.pairs()
	if pairs == nil {
		return false
	}
	var encoded []string
	for _, p := range pairs {
		encoded = append(encoded, url.QueryEscape(p[0])+"="+url.QueryEscape(change(p[1])))
	}
	joined := strings.Join(encoded, "&")
	if form {
		return e.send("application/x-www-form-urlencoded", joined)
	}
	e.RawQueryString = joined
	return true
}

func otherCase(s string, random *rand.Rand) string {
	return strings.Map(func(r rune) rune {
		if r|0x20 >= 'a' && r|0x20 <= 'z' && random.IntN(2) == 0 {
			return r ^ 0x20
		}
		return r
	}, s)
}

func changeBytes(s string, random *rand.Rand) string {
	const instead = " '\"<>(){};|&$`\\/%#-.:,=+*!?^~@[]\n\x00aA0é"
	b := []byte(s)
	for range 1 + len(b)/20 {
		if len(b) > 0 {
			b[random.IntN(len(b))] = instead[random.IntN(len(instead))]
		}
	}
	return string(b)
}
