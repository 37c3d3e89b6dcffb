package corpus

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// phrases are the texts of testdata/benign and a seeded choice among them.
type phrases struct {
	rng       *rand.Rand
	words     map[string][]string
	prose     map[string][]string
	languages []string
	snippets  []snippet
	logLines  []string
	traces    []string
	documents map[string][]string
}

type snippet struct{ language, text string }

func lines(text string) []string {
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// readYAML reads one file of testdata/benign into v.
func readYAML(t testing.TB, name string, v any) {
	t.Helper()
	data, err := os.ReadFile("testdata/benign/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func loadPhrases(t testing.TB, seed uint64) *phrases {
	t.Helper()
	p := &phrases{
		rng: rand.New(rand.NewPCG(seed, 7)), words: map[string][]string{}, prose: map[string][]string{}, documents: map[string][]string{},
	}
	var words map[string]string
	readYAML(t, "words.yaml", &words)
	for name, text := range words {
		p.words[name] = lines(text)
	}
	var prose yaml.Node // a node keeps the order of the languages
	readYAML(t, "prose.yaml", &prose)
	languages := prose.Content[0].Content
	for i := 0; i < len(languages); i += 2 {
		p.languages = append(p.languages, languages[i].Value)
		p.prose[languages[i].Value] = lines(languages[i+1].Value)
	}
	var code yaml.Node
	readYAML(t, "snippets.yaml", &code)
	pieces := code.Content[0].Content
	for i := 0; i < len(pieces); i += 2 {
		for _, text := range pieces[i+1].Content {
			p.snippets = append(p.snippets, snippet{pieces[i].Value, text.Value})
		}
	}
	var logs struct {
		Lines  string   `yaml:"lines"`
		Traces []string `yaml:"traces"`
	}
	readYAML(t, "logs.yaml", &logs)
	p.logLines, p.traces = lines(logs.Lines), logs.Traces
	readYAML(t, "documents.yaml", &p.documents)
	return p
}

func (p *phrases) n(limit int) int { return p.rng.IntN(limit) }

// chance is true once in n times.
func (p *phrases) chance(n int) bool { return p.rng.IntN(n) == 0 }

func (p *phrases) raw(list string) string { return pick(p.rng, p.words[list]...) }

// word is one line of a list, filled.
func (p *phrases) word(list string) string { return p.fill(p.raw(list)) }

// term is what people search for: mostly plain words, now and then something with a special look.
func (p *phrases) term() string {
	if p.chance(3) {
		return p.word("searches")
	}
	return p.word("plain")
}

func (p *phrases) price() string { return fmt.Sprintf("%d.%02d", 1+p.n(200), p.n(100)) }

func (p *phrases) order() string {
	return pick(p.rng, fmt.Sprintf("#%d", 10000+p.n(90000)), fmt.Sprintf("A-%05d", p.n(100000)), fmt.Sprintf("ORD-2026-%04d", p.n(10000)))
}

func (p *phrases) mail() string {
	return fmt.Sprintf("%s%s@%s", pick(p.rng, "anna", "jo.smith", "o'brien", "k.ito", "m+shop", "li_wei", "info", "sales", "j-doe"), pick(p.rng, "", fmt.Sprint(p.n(99))), pick(p.rng, "example.com", "example.org", "mail.example.de", "uni.example.edu"))
}

// fill replaces the words in braces.
func (p *phrases) fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return strings.NewReplacer(
		"{n}", fmt.Sprint(2+p.n(300)), "{order}", p.order(), "{price}", p.price(), "{mail}", p.mail(), "{uuid}", uuid(p.rng),
		"{name}", p.raw("names"), "{city}", p.raw("cities"), "{street}", p.raw("streets"), "{product}", p.raw("products"),
	).Replace(text)
}

// numbered replaces only {n} and {uuid}: code has braces of its own.
func (p *phrases) numbered(text string) string {
	return strings.NewReplacer("{n}", fmt.Sprint(2+p.n(300)), "{uuid}", uuid(p.rng)).Replace(text)
}

func (p *phrases) language() string { return pick(p.rng, p.languages...) }

func (p *phrases) sentence(language string) string { return p.fill(pick(p.rng, p.prose[language]...)) }

// paragraph is a few sentences of one language.
func (p *phrases) paragraph() string {
	language := p.language()
	var all []string
	for range 1 + p.n(4) {
		all = append(all, p.sentence(language))
	}
	return strings.Join(all, pick(p.rng, " ", "\n", "\n\n"))
}
