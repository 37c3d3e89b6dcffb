package policy

import (
	"fmt"
	"testing"
)

// BenchmarkDecide measures what every act that reaches the engine costs, allowed and denied.
func BenchmarkDecide(b *testing.B) {
	c := mustCompile(b, oneRule)
	long := mustCompile(b, fmt.Sprintf(`{"name": "long", "dns": {"effect": "prevent", "whitelist": [%s]}}`, quoted(200, "host%03d.service.example")))
	main := start("/var/lang/bin/python3.13")
	main.Program.Main = true
	learnt := connect("198.51.100.77:443")
	learnt.Learnt = true
	for _, bb := range []struct {
		name string
		by   *Compiled
		e    Event
	}{
		{"allow/exec", c, main},
		{"allow/connect", c, learnt},
		{"allow/loopback", c, connect("127.0.0.1:9001")},
		{"allow/resolve", c, ask("dynamodb.eu-west-1.amazonaws.com")},
		{"allow/resolve-200", long, ask("host199.service.example")},
		{"allow/open", c, use("/var/task/node_modules/aws-sdk/index.js", Read)},
		{"deny/exec", c, start("/usr/bin/wget", "wget", "http://x")},
		{"deny/resolve", c, ask("yahoo.com")},
		{"deny/open", c, use("/etc/passwd", Read)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.by.Decide(bb.e)
			}
		})
	}
}

// BenchmarkDecode measures what a function pays at its start.
func BenchmarkDecode(b *testing.B) {
	value, err := Encode(testEnvelope(b, oneRule), testKey(1), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e, err := Decode(value, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Compile(e.Rule); err != nil {
			b.Fatal(err)
		}
	}
}
