package own_test

import (
	"bufio"
	"bytes"
	"fmt"
	"mime/multipart"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"go.yaml.in/yaml/v3"
)

// sample is one text and the place where it stands in a request. A bare string in YAML is a query parameter's value.
type sample struct {
	Place string `yaml:"place"` // arg, argName, header, cookie, cookieName, path, file, xml, body
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

func (s *sample) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		s.Place = "arg"
		return node.Decode(&s.Value)
	}
	type plain sample
	return node.Decode((*plain)(s))
}

func (s sample) String() string { return fmt.Sprintf("%s %s %.120q", s.Place, s.Name, s.Value) }

// vectors are the strings which show what one rule is for.
type vectors struct {
	Reason   string   `yaml:"reason"`
	Positive []sample `yaml:"positive"`
	Negative []sample `yaml:"negative"`
}

func readVectors(t *testing.T) map[int]vectors {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("glob vectors: %v, %d files", err, len(files))
	}
	all := map[int]vectors{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var family map[int]vectors
		if err := yaml.Unmarshal(data, &family); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for id, v := range family {
			if _, twice := all[id]; twice {
				t.Errorf("%s: rule %d has vectors twice", file, id)
			}
			all[id] = v
		}
	}
	return all
}

// oracle is Coraza with our rules and nothing else.
func oracle(t *testing.T) coraza.WAF {
	t.Helper()
	files, err := filepath.Glob("*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("glob rules: %v, %d files", err, len(files))
	}
	config := coraza.NewWAFConfig().WithDirectives("SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\n" +
		"SecAction \"id:1,phase:1,nolog,pass,t:none,ctl:forceRequestBodyVariable=On\"\n" +
		"SecRule REQUEST_HEADERS:Content-Type \"@rx xml\" \"id:2,phase:1,nolog,pass,t:none,ctl:requestBodyProcessor=XML\"\n")
	for _, file := range files {
		config = config.WithDirectivesFromFile(file)
	}
	waf, err := coraza.NewWAF(config)
	if err != nil {
		t.Fatalf("load rules: %v", err)
	}
	return waf
}

// inspect returns the ids of the rules that fire on s, in ascending order; strict ones only if asked.
func inspect(t *testing.T, waf coraza.WAF, s sample, strict bool) []int {
	t.Helper()
	tx := waf.NewTransaction()
	defer func() { _ = tx.Close() }()
	tx.ProcessConnection("192.0.2.1", 1, "192.0.2.2", 443)
	path, body, contentType := "/items", "", ""
	name := s.Name
	switch s.Place {
	case "arg", "":
		if name == "" {
			name = "q"
		}
		tx.AddPostRequestArgument(name, s.Value)
	case "argName":
		tx.AddPostRequestArgument(s.Value, "1")
	case "header":
		if name == "" {
			name = "User-Agent"
		}
		tx.AddRequestHeader(name, s.Value)
	case "cookie":
		if name == "" {
			name = "session"
		}
		tx.AddRequestHeader("Cookie", name+"="+s.Value)
	case "cookieName":
		tx.AddRequestHeader("Cookie", s.Value+"=1")
	case "path":
		path = s.Value
	case "file":
		body, contentType = upload(t, s.Value)
	case "xml":
		body, contentType = "<a>"+strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(s.Value)+"</a>", "text/xml"
	case "body":
		body, contentType = s.Value, "text/plain"
	default:
		t.Fatalf("unknown place %q", s.Place)
	}
	tx.ProcessURI(path, "POST", "HTTP/1.1")
	tx.AddRequestHeader("Host", "api.example.com")
	if contentType != "" {
		tx.AddRequestHeader("Content-Type", contentType)
	}
	tx.ProcessRequestHeaders()
	if body != "" {
		if _, _, err := tx.WriteRequestBody([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.ProcessRequestBody(); err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, match := range tx.MatchedRules() {
		id := match.Rule().ID()
		level2 := slices.Contains(match.Rule().Tags(), "paranoia-level/2")
		if id > 2 && (strict || !level2) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// upload returns a multipart body with one file of that name, and its Content-Type.
func upload(t *testing.T, fileName string) (string, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("document", fileName)
	if err == nil {
		_, err = part.Write([]byte("content"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestVectors(t *testing.T) {
	waf := oracle(t)
	for id, v := range readVectors(t) {
		t.Run(strconv.Itoa(id), func(t *testing.T) {
			if v.Reason == "" || len(v.Positive) < 5 || len(v.Negative) < 5 {
				t.Errorf("rule %d needs a reason and five strings each way, has %d and %d", id, len(v.Positive), len(v.Negative))
			}
			for _, s := range v.Positive {
				if got := inspect(t, waf, s, true); !slices.Contains(got, id) {
					t.Errorf("silent on %v (fired: %v)", s, got)
				}
			}
			for _, s := range v.Negative {
				if got := inspect(t, waf, s, true); slices.Contains(got, id) {
					t.Errorf("fired on %v", s)
				}
			}
		})
	}
}

// TestEveryRuleHasVectors holds the rule files and the vectors together, in both directions.
func TestEveryRuleHasVectors(t *testing.T) {
	files, err := filepath.Glob("*.conf")
	if err != nil {
		t.Fatal(err)
	}
	all := readVectors(t)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(data), "\"id:")[1:] {
			id, err := strconv.Atoi(part[:strings.IndexByte(part, ',')])
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if _, ok := all[id]; !ok {
				t.Errorf("%s: rule %d has no vectors", file, id)
			}
			delete(all, id)
		}
	}
	for id := range all {
		t.Errorf("vectors for rule %d, which does not exist", id)
	}
}

// TestBenign sends ordinary texts through each place where free text is usual: no rule of the default level may fire.
func TestBenign(t *testing.T) {
	waf := oracle(t)
	files, err := filepath.Glob("testdata/benign*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("glob benign texts: %v, %d files", err, len(files))
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		for lines.Scan() {
			text := strings.ReplaceAll(lines.Text(), `\n`, "\n")
			if text == "" || strings.HasPrefix(text, "## ") {
				continue
			}
			for _, s := range []sample{{"arg", "q", text}, {"body", "", text}, {"path", "", "/files/" + url.PathEscape(text)}} {
				if s.Place == "path" && len(text) > 60 {
					continue
				}
				if ids := inspect(t, waf, s, false); len(ids) > 0 {
					t.Errorf("%s: rules %v fired on %v", file, ids, s)
				}
			}
		}
	}
}
