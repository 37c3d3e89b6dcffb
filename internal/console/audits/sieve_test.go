package audits

import (
	"fmt"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/api"
)

// TestSieveAgreesWithTheStore: what the store finds for a list and what is found here, for downloads, merged audits and
// live streams, is the same.
func TestSieveAgreesWithTheStore(t *testing.T) {
	b, db := startDatabase(t)
	msgs := []string{"Wget launched", "WGET", "w_get 100%", "Ökonom gestartet", "ökonom gestartet", "ÖKONOM", "İstanbul", "istanbul", "\u212Aelvin", "kelvin", `a\b`, ""}
	bodies := []string{ // as Go writes JSON
		`{}`, `{"user":"root"}`, `{"user":"Root"}`, `{"user":["root","www"]}`, `{"user":[["root"]]}`, `{"user":{"root":"root"}}`, `{"user":null}`,
		`{"user":1234567}`, `{"user":[1234567]}`, `{"user":12345678901234567890}`, `{"user":1.50}`, `{"user":1e3}`, `{"user":1000}`, `{"user":true}`,
		`{"user":[false]}`, `{"user":"true"}`, `{"user":""}`, `{"user":"a\u0026b"}`, `{"USER":"root"}`, `{"user":"null"}`, `{"user":"é"}`,
	}
	var records []api.AuditRecord
	for i := range max(len(msgs), len(bodies)) {
		records = append(records, api.AuditRecord{
			Stream: api.StreamRuntime, ID: nth("a", i), Time: noon(), Received: noon(), Function: "orders", Type: "processes", Effect: "alert", Count: 1,
			Msg: msgs[i%len(msgs)], Body: []byte(bodies[i%len(bodies)]),
		})
	}
	if _, err := db.AppendAudits(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	queries := []api.AuditQuery{{Body: map[string][]string{"user": nil}}, {Body: map[string][]string{"user": {"root"}, "USER": {"root"}}}}
	for _, text := range strings.Split("wget|WGET|W_G|100%|%|_|Ö|ö|ökonom|ÖKONOM|İ|i|I|ı|istanbul|k|K|\u212A|\\|LAUNCHED", "|") {
		queries = append(queries, api.AuditQuery{Search: text}, api.AuditQuery{Msgs: []string{text}}, api.AuditQuery{Msgs: []string{text, "wget"}, Search: "e"})
	}
	for _, value := range strings.Split("root|Root|ROOT|www|1234567|1.234567e+06|12345678901234567890|1.5|1.50|1e3|1000|true|false||null|a&b|é|[root]", "|") {
		queries = append(queries, api.AuditQuery{Body: map[string][]string{"user": {value}}}, api.AuditQuery{Body: map[string][]string{"user": {value, "www"}}, Msgs: []string{"w"}})
	}
	found := 0
	for _, q := range queries {
		q.Stream = api.StreamRuntime
		listed, err := db.Audits(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var sifted []api.AuditRecord
		for records, err := range b.newestFirst(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			sifted = append(sifted, records...)
		}
		found += len(listed)
		if want, got := idsOf(listed), idsOf(sifted); want != got {
			t.Errorf("search %q, msg %q, body %q: the store finds %s, the sieve %s", q.Search, q.Msgs, q.Body, want, got)
		}
	}
	if found < 2*len(queries) {
		t.Errorf("%d queries find %d audits only", len(queries), found)
	}
}

func idsOf(records []api.AuditRecord) string {
	var all []string
	for _, r := range records {
		all = append(all, r.ID)
	}
	return fmt.Sprint(all)
}
