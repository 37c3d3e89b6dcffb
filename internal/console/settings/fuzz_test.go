package settings

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

// offline is a service that only decodes.
func offline(f *testing.F) *Service {
	f.Helper()
	k, err := keys.New(make([]byte, keys.MasterSize))
	if err != nil {
		f.Fatal(err)
	}
	return New(Config{Keys: k, Signer: k.PolicySigner(), Address: "https://console:8083"})
}

// invalidOnly wants no other error than one about the input.
func invalidOnly(t *testing.T, err error) {
	t.Helper()
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeInvalid && autodefend.ErrorCode(err) != autodefend.CodeConflict {
		t.Fatalf("error %s: %v", autodefend.ErrorCode(err), err)
	}
}

func FuzzPolicies(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, s := range []string{
		`{}`, `[]`, `{"rules":null}`, `{"name":"a","collections":"All"}`, `[{"name":"a","collections":["All"],"previousName":"b"}]`,
		`{"Rules":[{"NAME":"a","Collections":{"name":"All"},"MODIFIED":5,"owner":[]}]}`, `{"rules":[{"name":"a","name":"b","collections":[null]}]}`,
	} {
		f.Add([]byte(s))
	}
	s := offline(f)
	all := api.EveryFunction()
	known := collections{raws: map[string]json.RawMessage{"All": marshal(all), "prod apis": marshal(api.Collection{Name: "prod apis"})}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, k := range []policyKind{runtimeKind(), firewallKind()} {
			doc, _, _, err := s.draft(k, raw, known)
			if err != nil {
				invalidOnly(t, err)
				continue
			}
			for i := range doc.rules {
				sign(&doc.rules[i], nil, "ann", time.Time{})
				nameOnly(&doc.rules[i])
			}
			// What is stored can be read again and means the same.
			again, _, _, err := s.draft(k, doc.raw(), known)
			if err != nil {
				t.Fatalf("%s is stored as %s: %v", raw, doc.raw(), err)
			}
			if string(again.raw()) != string(doc.raw()) {
				t.Fatalf("%s becomes %s", doc.raw(), again.raw())
			}
			again.fill(known.raws)
			if k.kind == api.KindRuntimePolicy {
				if _, err := policy.Parse(again.raw()); err != nil {
					t.Fatalf("%s can't be used: %v", again.raw(), err)
				}
			}
		}
	})
}

func FuzzRequests(f *testing.F) {
	for _, s := range []string{
		``, `{`, `[]`, `null`, `{"name":"a","functions":["*"]}`, `{"name":"a","labels":"x"}`, `{"_id":"a","type":"aws","secret":"x","tokens":[{}]}`,
		`[{"credentialId":"a","credential":{"_id":"b"},"serverlessScanSpec":{}}]`, `{"_id":5,"name":"a","type":"processes","script":"x"}`,
		`{"name":"l","subnets":["10.0.0.0/8","::1"]}`, `{"function":"f","provider":["aws"],"proxy":{"httpProxy":"http://x"},"consoleAddr":"c:1"}`,
		`{"runtime":["python"],"provider":"azure"}`, `{"policy":{},"from":"2026-01-01T00:00:00Z","limit":5}`, `{"httpProxy":"http://p","password":{"plain":"x"}}`,
		"openapi: 3.1.0\npaths:\n  /: &p {get: {parameters: [{name: 0x1F, in: query, schema: {type: integer, maximum: .inf}}]}}\n  /b: *p\n  /c: {<<: [*p]}\n",
		`{"openapi":"3.1.0","paths":{"/":{"get":{"parameters":[{"$ref":"#/components/parameters/p"}]}}},"components":{"parameters":{"p":{"name":"p","in":"query","schema":{"type":["null","string"]}}}}}`,
	} {
		f.Add([]byte(s))
	}
	s := offline(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := readCollection(raw)
		invalidOnly(t, err)
		_, err = readCredential(raw)
		invalidOnly(t, err)
		_, err = readScanRules(raw)
		invalidOnly(t, err)
		_, err = readCustomRule(raw, 5)
		invalidOnly(t, err)
		_, err = readNetworkList(raw)
		invalidOnly(t, err)
		_, err = s.readEncodeRequest(raw)
		invalidOnly(t, err)
		_, err = readLayerRequest(&route.Call{Body: raw})
		invalidOnly(t, err)
		_, err = parseAPISpec(raw)
		invalidOnly(t, err)
		_, err = decodeList[api.ServerlessScan](raw, "settings")
		invalidOnly(t, err)
		for _, g := range generals() {
			_, err = g.check(s, raw, marshal(g.zero))
			invalidOnly(t, err)
		}
	})
}

func FuzzReferences(f *testing.F) {
	f.Add([]byte(`{"rules":[{"name":"r","collections":[{"name":"old"},"old"]}]}`), "old", "new")
	f.Add([]byte(`[[[{"collections":"old","customRules":[{"_id":1}]}]]]`), "old", "")
	f.Fuzz(func(t *testing.T, raw []byte, from, to string) {
		if !json.Valid(raw) {
			return
		}
		r := referrer{find: namesCollection(from, to)}
		next := r.walk(raw, "", 0)
		if !json.Valid(next) {
			t.Fatalf("%s becomes %s", raw, next)
		}
		if to == "" && string(next) != string(raw) {
			t.Fatalf("looking changed %s to %s", raw, next)
		}
		s := referrer{find: refersToRule(1)}
		if again := s.walk(raw, "", 0); string(again) != string(raw) {
			t.Fatalf("looking changed %s to %s", raw, again)
		}
	})
}

func FuzzAddress(f *testing.F) {
	s := offline(f)
	for _, a := range []string{"", "c", "c:1", "https://c/p/", "http://localhost:1", "[::1]:5", "a@b", "//x", "::", "c?x"} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := s.address(text)
		invalidOnly(t, err)
		if err != nil {
			return
		}
		if again, err := s.address(got); err != nil || again != got {
			t.Fatalf("%q becomes %q, and that %q: %v", text, got, again, err)
		}
	})
}
