package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

var updateGolden = flag.Bool("update", false, "rewrite golden files")

const runtimeSample = `{"_id":"a1","accountID":"123456789012","attackTechniques":["resourceHijacking"],"attackType":"cryptoMinerProcess",` +
	`"command":"xmrig -o pool","count":2,"effect":"prevent","fqdn":"orders","function":"orders",` +
	`"functionID":"arn:aws:lambda:eu-west-1:123456789012:function:orders:live","msg":"xmrig launched","pid":41,"processPath":"/tmp/xmrig",` +
	`"provider":"aws","region":"eu-west-1","requestID":"8f507cfc","ruleName":"strict","runtime":"python3.12","severity":"high",` +
	`"time":"2026-11-22T05:00:00.123Z","type":"processes","version":"v1.2.3","tier":"preload","coverage":"enforced"}`

const firewallSample = `{"_id":"f1","accountID":"123456789012","attackField":{"key":"id","type":"query","value":"' OR 1=1"},` +
	`"attackTechniques":["exploitPublicFacingApplication"],"connectingIPs":["192.0.2.1"],"count":1,"effect":"alert","eventID":"e-1","fqdn":"orders",` +
	`"function":"orders","functionID":"arn:aws:lambda:eu-west-1:123456789012:function:orders","method":"GET","msg":"Detected SQL Injection",` +
	`"owaspAPITop10":"injection","owaspTop10":"injection","protection":"firewall","provider":"aws","rawEvent":"{}","region":"eu-west-1",` +
	`"requestHeaderNames":["host"],"requestHost":"shop.example","requestID":"r-1","ruleName":"waas","runtime":"nodejs22.x","statusCode":403,` +
	`"subnet":"192.0.2.1","time":"2026-11-22T05:00:00Z","type":"sqli","url":"shop.example/a?id=1","urlPath":"/a","urlQuery":"id=1","version":"v1.2.3",` +
	`"trigger":"sqs","rule":"942100","match":"OR 1=1","record":"message-7"}`

func TestRecordsOfAudits(t *testing.T) {
	received := time.Date(2026, 11, 22, 5, 0, 1, 0, time.UTC)
	for _, x := range []struct {
		stream Stream
		sample string
		golden string
	}{
		{StreamRuntime, runtimeSample, "runtimeaudit.json"},
		{StreamFirewall, firewallSample, "firewallaudit.json"},
	} {
		reports, err := DecodeAudits(x.stream, []byte("["+x.sample+"]"))
		if err != nil || len(reports) != 1 {
			t.Fatalf("%s: %d audits, %v", x.stream, len(reports), err)
		}
		*reports[0].Origin().Collections = []string{"All", "shop"}
		record, err := reports[0].Record(received)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := json.MarshalIndent(struct {
			Record AuditRecord
			Body   json.RawMessage
		}{withoutBody(record), record.Body}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", x.golden)
		if *updateGolden {
			if err := os.WriteFile(path, append(shown, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(shown)+"\n"); diff != "" {
			t.Errorf("%s (-want +got):\n%s", x.golden, diff)
		}
	}
}

func withoutBody(r AuditRecord) AuditRecord {
	r.Body = nil
	return r
}

// TestDefendersAuditsAreAccepted: what the Defender writes is what the Console takes.
func TestDefendersAuditsAreAccepted(t *testing.T) {
	files, err := filepath.Glob("../defend/testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var all []json.RawMessage
		for decoder := json.NewDecoder(bytes.NewReader(content)); decoder.More(); {
			var one json.RawMessage
			if decoder.Decode(&one) != nil {
				break
			}
			all = append(all, one)
		}
		for _, one := range all {
			var kind struct{ Protection, Effect, Msg string }
			if json.Unmarshal(one, &kind) != nil || kind.Effect == "" {
				continue
			}
			stream := StreamRuntime
			if kind.Protection != "" {
				stream = StreamFirewall
			}
			if _, err := DecodeAudits(stream, []byte("["+string(one)+"]")); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			seen++
		}
	}
	if seen == 0 {
		t.Error("no audit of the Defender's was found")
	}
}

func TestBadAudits(t *testing.T) {
	good := func(stream Stream) string {
		if stream == StreamFirewall {
			return firewallSample
		}
		return runtimeSample
	}
	for _, x := range []struct {
		name, replace, with, want string
		stream                    Stream
	}{
		{"no id", `"_id":"a1"`, `"_id":""`, "audits[1]._id", StreamRuntime},
		{"strange id", `"_id":"a1"`, `"_id":"a 1'"`, "audits[1]._id", StreamRuntime},
		{"type", `"type":"processes"`, `"type":"kernel"`, "audits[1].type", StreamRuntime},
		{"no effect", `"effect":"prevent"`, `"effect":""`, "audits[1].effect", StreamRuntime},
		{"two words", `"effect":"prevent"`, `"effect":"prevent alert"`, "audits[1].effect", StreamRuntime},
		{"attack", `"attackType":"cryptoMinerProcess"`, `"attackType":"x"`, "audits[1].attackType", StreamRuntime},
		{"technique", `"resourceHijacking"`, `"resourceHijacking","y"`, "audits[1].attackTechniques[1]", StreamRuntime},
		{"count", `"count":2`, `"count":-1`, "audits[1].count", StreamRuntime},
		{"count's type", `"count":2`, `"count":"2"`, "audits[1].count", StreamRuntime},
		{"pid", `"pid":41`, `"pid":4e40`, "audits[1].pid", StreamRuntime},
		{"time", `"time":"2026-11-22T05:00:00.123Z"`, `"time":"yesterday"`, "audits[1].time", StreamRuntime},
		{"long", `"command":"xmrig -o pool"`, `"command":"` + strings.Repeat("x", 9000) + `"`, "audits[1].command", StreamRuntime},
		{"malformed", `"pid":41`, `"pid":`, "audits[1]", StreamRuntime},
		{"class", `"type":"sqli"`, `"type":"sql"`, "audits[1].type", StreamFirewall},
		{"owasp", `"owaspTop10":"injection"`, `"owaspTop10":"i"`, "audits[1].owaspTop10", StreamFirewall},
		{"status", `"statusCode":403`, `"statusCode":4030`, "audits[1].statusCode", StreamFirewall},
		{"field", `"type":"query"`, `"type":"q"`, "audits[1].attackField.type", StreamFirewall},
		{"addresses", `"connectingIPs":["192.0.2.1"]`, `"connectingIPs":"192.0.2.1"`, "audits[1].connectingIPs", StreamFirewall},
	} {
		bad := strings.Replace(good(x.stream), x.replace, x.with, 1)
		if bad == good(x.stream) {
			t.Fatalf("%s: nothing was replaced", x.name)
		}
		_, err := DecodeAudits(x.stream, []byte("["+good(x.stream)+","+bad+"]"))
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), x.want+":") {
			t.Errorf("%s: %v, want %s", x.name, err, x.want)
		}
	}
	many := "[" + strings.Repeat(runtimeSample+",", MaxBatch) + runtimeSample + "]"
	for name, body := range map[string]string{"too many": many, "no array": runtimeSample, "cut": "[" + runtimeSample, "more": "[] 1", "nothing": ""} {
		if _, err := DecodeAudits(StreamRuntime, []byte(body)); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNULIsReplaced(t *testing.T) {
	sample := strings.Replace(runtimeSample, "xmrig -o", `xmrig\u0000-o`, 1)
	reports, err := DecodeAudits(StreamRuntime, []byte("["+sample+"]"))
	if err != nil {
		t.Fatal(err)
	}
	record, err := reports[0].Record(time.Time{})
	if err != nil || bytes.Contains(record.Body, []byte(`\u0000`)) {
		t.Errorf("%s, %v", record.Body, err)
	}
}

func TestUnqualified(t *testing.T) {
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
	for in, want := range map[string]string{
		arn: arn, arn + ":live": arn, arn + ":$LATEST": arn, "orders": "orders", "": "", "a:b:c:d:e:f:g:h": "a:b:c:d:e:f:g:h",
	} {
		if got := Unqualified(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzDecodeAudits(f *testing.F) {
	f.Add([]byte("["+runtimeSample+"]"), false)
	f.Add([]byte("["+firewallSample+"]"), true)
	f.Add([]byte(`[{"_id":"1","type":"network","effect":"alert","attackTechniques":null,"time":null}]`), false)
	f.Add([]byte(`[[]]`), true)
	f.Fuzz(func(t *testing.T, body []byte, firewall bool) {
		stream := StreamRuntime
		if firewall {
			stream = StreamFirewall
		}
		reports, err := DecodeAudits(stream, body)
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Fatalf("code of %v", err)
			}
			return
		}
		for _, r := range reports {
			record, err := r.Record(time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if record.ID == "" || record.Count < 1 || !json.Valid(record.Body) || bytes.ContainsRune(record.Body, 0) {
				t.Fatalf("record %+v", record)
			}
			if _, err := DecodeAudits(stream, []byte("["+string(record.Body)+"]")); err != nil {
				t.Fatalf("what was accepted once isn't again: %v", err)
			}
		}
	})
}
