package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// prismaSample is a document of a schema of Prisma's with every member that the schema has and that isn't refused here. Members
// that aren't true are left out, as they're left out when they're read.
type prismaSample struct {
	file string
	// write is the method and path that take it, and read the path that returns it, alone or in a list.
	write, read string
	// key is the member that tells it from others in a list.
	key string
	// ours are members that the Console fills in, whatever was written.
	ours []string
	// never are members that are never returned.
	never []string
}

// prismaSamples are in an order in which what is referred to comes first.
func prismaSamples() []prismaSample {
	const policies = "../../internal/console/settings/testdata/"
	return []prismaSample{
		{file: "testdata/prisma/collection.json", write: "POST /collections", read: "/collections", key: "name", ours: []string{"modified", "owner", "prisma", "system"}},
		{file: "testdata/prisma/custom-rule.json", write: "PUT /custom-rules/7", read: "/custom-rules", key: "_id", ours: []string{"modified", "owner"}},
		{file: policies + "runtime-every.json", write: "PUT /policies/runtime/serverless", read: "/policies/runtime/serverless"},
		{file: policies + "firewall-every.json", write: "PUT /policies/firewall/app/serverless", read: "/policies/firewall/app/serverless"},
		{file: "testdata/prisma/network-list.json", write: "POST /policies/firewall/app/network-list", read: "/policies/firewall/app/network-list", key: "_id", ours: []string{"modified", "owner"}, never: []string{"previousName"}},
		{
			file: "testdata/prisma/credential.json", write: "POST /credentials", read: "/credentials", key: "_id",
			ours: []string{"created", "lastModified", "owner"}, never: []string{"secret", "apiToken", "tokens"},
		},
		{file: "testdata/prisma/cloud-scan-rule.json", write: "PUT /cloud-scan-rules", read: "/cloud-scan-rules", key: "credentialId", ours: []string{"modified", "credential"}},
		{file: "testdata/prisma/auto-deploy.json", write: "POST /settings/serverless-auto-deploy", read: "/settings/serverless-auto-deploy", key: "name", ours: []string{"lastModified"}},
		{
			file: "testdata/prisma/alert-profile.json", write: "POST /alert-profiles", read: "/alert-profiles", key: "name",
			ours: []string{"modified", "owner", "lastError"}, never: []string{"previousName"},
		},
		{file: "testdata/prisma/role.json", write: "POST /rbac/roles", read: "/rbac/roles", key: "name"},
		{file: "testdata/prisma/user.json", write: "POST /users", read: "/users", key: "username", ours: []string{"lastModified"}, never: []string{"password"}},
		{file: "testdata/prisma/group.json", write: "POST /groups", read: "/groups", key: "groupName", ours: []string{"_id", "lastModified", "owner"}},
		{file: "testdata/prisma/scan-settings.json", write: "POST /settings/scan", read: "/settings/scan"},
	}
}

// TestPrismaSamples: what Prisma's schemas have is read as it was written, and what is read from one Console and written to
// another is the same there.
func TestPrismaSamples(t *testing.T) {
	from, to := newConsoleWorld(t, nil), newConsoleWorld(t, nil)
	tokens := map[*consoleWorld]string{from: from.login(t, firstAdministrator, adminPassword), to: to.login(t, firstAdministrator, adminPassword)}
	write := func(w *consoleWorld, s prismaSample, body string) {
		t.Helper()
		method, path, _ := strings.Cut(s.write, " ")
		if got := w.call(t, method, path, tokens[w], body); got.status != http.StatusOK || len(got.body) > 0 {
			t.Fatalf("%s to %s: %d %s", s.file, s.write, got.status, got.body)
		}
	}
	read := func(w *consoleWorld, s prismaSample, sent any) map[string]any {
		t.Helper()
		got := w.call(t, "GET", s.read, tokens[w], "")
		if got.status != http.StatusOK {
			t.Fatalf("GET %s: %d %s", s.read, got.status, got.body)
		}
		return sampleIn(t, s, decodeSample(t, got.body), sent)
	}
	for _, s := range prismaSamples() {
		raw, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatal(err)
		}
		sent := decodeSample(t, raw)
		write(from, s, string(raw))
		first := read(from, s, sent)
		if d := cmp.Diff(written(s, oneSample(sent)), restricted(written(s, first), oneSample(sent))); d != "" {
			t.Errorf("%s: read from %s (-sent +read):\n%s", s.file, s.read, d)
		}
		moved := movable(s, sent, first)
		body, err := json.Marshal(moved)
		if err != nil {
			t.Fatal(err)
		}
		write(to, s, string(body))
		second := read(to, s, sent)
		if d := cmp.Diff(written(s, first), written(s, second)); d != "" {
			t.Errorf("%s: in another Console (-one +other):\n%s", s.file, d)
		}
	}
}

// decodeSample reads JSON without losing numbers' spelling.
func decodeSample(t *testing.T, raw []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %s", err, raw)
	}
	return v
}

// oneSample is the only object of what was sent.
func oneSample(v any) map[string]any {
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	object, _ := v.(map[string]any)
	return object
}

// sampleIn finds the object that was sent in what was read.
func sampleIn(t *testing.T, s prismaSample, got, sent any) map[string]any {
	t.Helper()
	list, ok := got.([]any)
	if !ok {
		return oneSample(got)
	}
	at := slices.IndexFunc(list, func(v any) bool { return cmp.Equal(oneSample(v)[s.key], oneSample(sent)[s.key]) })
	if at < 0 {
		t.Fatalf("%s: GET %s doesn't have it: %v", s.file, s.read, got)
	}
	return oneSample(list[at])
}

// written is a document without what the Console fills in: also the collections of rules, of which the name alone was sent,
// and who changed a collection when.
func written(s prismaSample, document map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range document {
		if !slices.Contains(s.ours, name) && !slices.Contains(s.never, name) {
			out[name] = stripped(name, value)
		}
	}
	return out
}

// stripped reduces the collections of rules to their names.
func stripped(name string, value any) any {
	switch v := value.(type) {
	case []any:
		all := make([]any, len(v))
		for i, e := range v {
			if object, ok := e.(map[string]any); ok && name == "collections" {
				e = map[string]any{"name": object["name"]}
			}
			all[i] = stripped(name, e)
		}
		return all
	case map[string]any:
		out := map[string]any{}
		for n, e := range v {
			if n != "previousName" { // it renames a rule, and isn't part of it
				out[n] = stripped(n, e)
			}
		}
		return out
	default:
		return value
	}
}

// restricted leaves out what wasn't sent.
func restricted(document, sent map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range document {
		if _, ok := sent[name]; ok {
			out[name] = value
		}
	}
	return out
}

// movable is what was read as it's written elsewhere: in a list when it was sent in one, and with the secrets, which are
// never read.
func movable(s prismaSample, sent any, read map[string]any) any {
	out := map[string]any{}
	for name, value := range read {
		out[name] = value
	}
	for _, name := range s.never {
		if value, ok := oneSample(sent)[name]; ok {
			out[name] = value
		}
	}
	if _, list := sent.([]any); list {
		return []any{out}
	}
	return out
}
