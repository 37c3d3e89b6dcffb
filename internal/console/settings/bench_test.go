package settings

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/store"
)

// pollers is how many functions ask every two minutes, which makes 833 questions a second.
const pollers = 100_000

// teams is how many rules there are.
const teams = 50

// polled is a service with a policy of 50 rules, and what it takes to ask it.
type polled struct {
	*Service
	handle route.Handler
	tags   []string
	issued int64
}

type noTokens struct{}

func (noTokens) DefenderToken(route.FunctionIdentity) string {
	return "adt1." + strings.Repeat("x", 60) + ".abcdefghijklmnopqrstuv"
}

func newPolled(b *testing.B) *polled {
	b.Helper()
	db, err := store.Open(b.Context(), store.Config{Address: filepath.Join(b.TempDir(), "console.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	k, err := keys.New(make([]byte, keys.MasterSize))
	if err != nil {
		b.Fatal(err)
	}
	s := New(Config{
		Documents: db, Keys: k, Tokens: noTokens{}, Signer: k.PolicySigner(), Address: "https://console.example.com:8083",
		CA: "sha256:" + strings.Repeat("ab", 32), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	p := &polled{Service: s, handle: s.defenderPolicy, tags: make([]string, pollers), issued: time.Now().Unix()}
	p.write(b, 0)
	return p
}

// write writes a policy whose rules are for functions of 50 teams.
func (p *polled) write(b *testing.B, revision int) {
	b.Helper()
	var rules []string
	for i := range teams {
		name := fmt.Sprintf("team-%02d", i)
		if revision == 0 {
			p.call(b, p.addCollection, fmt.Sprintf(`{"name":%q,"functions":["%s-*"],"labels":["region:eu-*","region:us-*"]}`, name, name))
		}
		rules = append(rules, fmt.Sprintf(`{"name":%q,"notes":"%d","collections":[%q],"processes":{"effect":"prevent","blockAllBinaries":true,"checkCryptoMiners":true},
			"dns":{"effect":"prevent","whitelist":["*.amazonaws.com","api.%s.example.com","r%d.example.com"]},"network":{"effect":"alert","blacklistIPs":["169.254.169.254"]}}`, name, revision, name, name, revision))
	}
	p.call(b, p.putPolicy(runtimeKind()), `{"rules":[`+strings.Join(rules, ",")+`]}`)
}

func (p *polled) call(b *testing.B, h route.Handler, body string) {
	b.Helper()
	if _, err := h(b.Context(), &route.Call{Body: []byte(body), Principal: route.Principal{Username: "ann"}}); err != nil {
		b.Fatal(err)
	}
}

// ask asks for a function's policy as its Defender does and remembers the tag.
func (p *polled) ask(ctx context.Context, i int) (int, error) {
	answer, err := p.handle(ctx, &route.Call{
		Principal: route.Principal{Function: route.FunctionIdentity{
			Account: "123456789012", Region: "eu-west-1", Function: fmt.Sprintf("team-%02d-function-%d", i%teams, i), Issued: p.issued,
		}},
		Header: func(name string) string {
			if name == "If-None-Match" {
				return p.tags[i]
			}
			return ""
		},
	})
	p.tags[i] = answer.Header["ETag"]
	return answer.Status, err
}

// BenchmarkConditional asks with the tag of what holds, with tokens that are young and with old ones that were replaced and
// go on all the same. At 833 questions a second the metric core is the share of one core.
func BenchmarkConditional(b *testing.B) {
	for name, age := range map[string]time.Duration{"young": 0, "old": rotationAge + time.Hour} {
		b.Run(name, func(b *testing.B) {
			p := newPolled(b)
			p.issued -= int64(age.Seconds())
			// Functions of a team share a rule, and so its tag. The first question of each finds its rule.
			for i := range pollers {
				if i >= teams {
					p.tags[i] = p.tags[i%teams]
				}
				if _, err := p.ask(b.Context(), i); err != nil {
					b.Fatal(err)
				}
			}
			p.run(b, 304)
		})
	}
}

// BenchmarkChanged asks after every policy changed: each answer is signed.
func BenchmarkChanged(b *testing.B) {
	p := newPolled(b)
	p.tags = slices.Repeat([]string{`"old"`}, pollers)
	p.run(b, 0)
}

func (p *polled) run(b *testing.B, want int) {
	b.Helper()
	order := rand.New(rand.NewPCG(1, 2))
	took := make([]time.Duration, 0, b.N)
	before := cpu(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		i := order.IntN(pollers)
		if want != 304 {
			p.tags[i] = `"old"`
		}
		start := time.Now()
		status, err := p.ask(b.Context(), i)
		took = append(took, time.Since(start))
		if err != nil || status != want {
			b.Fatalf("status %d, error %v", status, err)
		}
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)*pollers/120/1e9, "core")
}

// cpu is the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
