package alerting

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/api"
)

// TestDocumentation holds docs/alerts.md against the code: its profile is accepted and its macros are all there are.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```json\n")
	profile, rest, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("there is no profile")
	}
	m := newMemory()
	put(t, newService(m, &recorder{}, "a"), profile)
	p, err := readProfile(m.Stored(api.KindAlertProfile)["security"])
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(channels(p), " "); got != "webhook slack:#security email syslog sns eventBridge" {
		t.Errorf("channels %s", got)
	}
	_, macros, found := strings.Cut(rest, "## Macros")
	if !found {
		t.Fatal("there are no macros")
	}
	names := regexp.MustCompile("`#([A-Za-z]+)`").FindAllStringSubmatch(macros, -1)
	for _, name := range names {
		if _, known := (api.Alert{}).Macro(name[1]); !known {
			t.Errorf("there is no macro #%s", name[1])
		}
	}
	if len(names) < 35 {
		t.Errorf("%d macros", len(names))
	}
}
