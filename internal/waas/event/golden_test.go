package event

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

// TestGolden decodes each event of testdata and compares all it gives with the
// file beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("samples: %v, %d files", err, len(files))
	}
	seen := map[Trigger]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e := Decode(data, Limits{})
			seen[e.Trigger] = true
			compare(t, strings.TrimSuffix(file, ".json")+".golden", render(e))
		})
	}
	for _, trigger := range Triggers() {
		if !seen[trigger] {
			t.Errorf("no sample of %s", trigger)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// render writes an event as lines for people.
func render(e *Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "trigger %s\n", e.Trigger)
	r := e.Request
	for _, m := range [...]struct{ name, value string }{
		{"method", r.Method},
		{"path", r.Path},
		{"rawPath", r.RawPath},
		{"rawQuery", r.RawQuery},
		{"protocol", r.Protocol},
		{"host", r.Host},
		{"sourceIP", r.SourceIP},
		{"userAgent", r.UserAgent},
		{"headerNames", strings.Join(r.HeaderNames, " ")},
		{"id", r.ID},
		{"contentType", r.ContentType},
		{"rawBody", r.RawBody},
	} {
		if m.value != "" {
			fmt.Fprintf(&b, "request %s %s\n", m.name, strconv.QuoteToASCII(m.value))
		}
	}
	if r.BodyKind != NoBody {
		fmt.Fprintf(&b, "request bodyKind %d\n", r.BodyKind)
	}
	for i, record := range e.Records {
		fmt.Fprintf(&b, "record %d %q %q\n", i, record.ID, record.Source)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "field %s%s %q %s\n", recordOf(f.Record), placeName(f.Place), f.Name, strconv.QuoteToASCII(f.Value))
	}
	for _, f := range e.Faults {
		fmt.Fprintf(&b, "fault %s%s %s %q: %s\n", recordOf(f.Record), f.Kind, placeName(f.Place), f.Key, f.Detail)
	}
	for _, x := range e.Exceeded {
		fmt.Fprintf(&b, "exceeded %s%s %d %s %q\n", recordOf(x.Record), x.Limit, x.Max, placeName(x.Place), x.Key)
	}
	return b.String()
}

func recordOf(i int) string {
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("#%d ", i)
}

func placeName(p Place) string {
	return [...]string{
		"Whole", "Path", "PathParameter", "QueryName", "Query", "HeaderName", "Header", "CookieName", "Cookie",
		"FormName", "Form", "MultipartName", "Multipart", "FileName", "PartHeader", "JSONName", "JSON", "XML",
		"XMLAttribute", "Body", "MessageName", "Message", "Method",
	}[p]
}
