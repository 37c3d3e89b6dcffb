package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Kinds of attacks: what stands on a line of the list.
const (
	kindText = "text" // a value, whole
	kindJSON = "json" // a piece of JSON that stands where a value is expected
	kindPair = "pair" // name=value, where the name is the attack
)

// attack is one attack as the application reads it after its carrier is undone.
type attack struct {
	Technique, Platform, Source, Kind string
	Text                              string
}

// attackGroup is one entry of a file of testdata/attacks.
type attackGroup struct {
	Technique string `yaml:"technique"`
	Platform  string `yaml:"platform"`
	Source    string `yaml:"source"`
	Kind      string `yaml:"kind"`
	Attacks   string `yaml:"attacks"`
}

// controlPictures turns the visible stand-ins of the list into the control characters they stand for.
func controlPictures() *strings.Replacer {
	return strings.NewReplacer("␀", "\x00", "␉", "\t", "␊", "\n", "␍", "\r")
}

// loadAttacks reads the whole list, in the order of file names and lines.
func loadAttacks(t testing.TB) []attack {
	t.Helper()
	names, err := filepath.Glob("testdata/attacks/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("list attacks: %v, %d files", err, len(names))
	}
	var attacks []attack
	pictures := controlPictures()
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var groups []attackGroup
		if err := yaml.Unmarshal(data, &groups); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, g := range groups {
			if g.Kind == "" {
				g.Kind = kindText
			}
			for line := range strings.Lines(g.Attacks) {
				attacks = append(attacks, attack{
					Technique: g.Technique, Platform: g.Platform, Source: g.Source, Kind: g.Kind,
					Text: pictures.Replace(strings.TrimSuffix(line, "\n")),
				})
			}
		}
	}
	return attacks
}

// reportOnly says whether a technique is outside the figure that the list is judged by.
func reportOnly(technique string) bool {
	return technique == "sqli" || technique == "xss"
}

func TestAttackList(t *testing.T) {
	seen := map[string]string{}
	judged := 0
	for _, a := range loadAttacks(t) {
		if a.Technique == "" || a.Platform == "" || a.Source == "" || a.Text == "" {
			t.Errorf("incomplete: %+v", a)
		}
		key := a.Technique + "\x00" + a.Kind + "\x00" + a.Text
		if first, ok := seen[key]; ok {
			t.Errorf("twice in %s and %s: %q", first, a.Platform, a.Text)
		}
		seen[key] = a.Platform
		if !reportOnly(a.Technique) {
			judged++
		}
	}
	if judged < 600 {
		t.Errorf("%d attacks, want at least 600", judged)
	}
}
