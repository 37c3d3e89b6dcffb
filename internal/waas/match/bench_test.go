package match_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/match/compile"
)

// values are what an ordinary request carries.
func values() []string {
	return []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
		"en-US,en;q=0.9,de;q=0.8", "gzip, deflate, br", "application/json", "4f1c2a90-77aa-4c1e-9d0b-8a3f5d1c2b7e", "Jane O'Neill",
		"jane.oneill@example.com", "2026-11-22T08:15:31Z", "1999.90", "true", "Please deliver to the back door; ring twice if nobody answers.",
		"https://shop.example.com/cart?item=42&ref=newsletter", "Rue de l'Église 7", "blue", "12345", "+49 30 1234567", "id", "price", "shipping_address",
		"session=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig; theme=dark", "We select the best products from our union of farmers and ship them.",
	}
}

func prose(n int) string {
	const text = "It was a bright cold day in April, and the clocks were striking thirteen. Order #4711 costs 12.50 EUR (incl. tax); " +
		"please select one of the options from the list and drop us a line, or call us before 6 o'clock. "
	return strings.Repeat(text, n/len(text)+1)[:n]
}

func ruleSetScanner(b testing.TB) (match.Scanner, [][]string) {
	b.Helper()
	var all [][]string
	for _, expr := range crsExpressions(b) {
		sets, _ := compile.Literals(expr)
		all = append(all, sets...)
	}
	data, err := compile.Scanner(all)
	if err != nil {
		b.Fatal(err)
	}
	return match.Scanner(data), all
}

func BenchmarkScan(b *testing.B) {
	s, all := ruleSetScanner(b)
	b.Logf("%d sets, %d bytes", len(all), len(s))
	found := match.NewBitset(s.Sets())
	b.Run("prose", func(b *testing.B) {
		text := prose(16 << 10)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			s.Scan(text, found)
		}
	})
	b.Run("values", func(b *testing.B) {
		n := 0
		for _, v := range values() {
			n += len(v)
		}
		b.SetBytes(int64(n))
		for b.Loop() {
			for _, v := range values() {
				found.Reset()
				s.Scan(v, found)
			}
		}
	})
}

// BenchmarkPrefilter tells how many expressions are left to run on a value.
func BenchmarkPrefilter(b *testing.B) {
	exprs := crsExpressions(b)
	var all [][]string
	ids := make([][]uint16, len(exprs))
	for n, expr := range exprs {
		sets, _ := compile.Literals(expr)
		for _, set := range sets {
			ids[n] = append(ids[n], uint16(len(all)))
			all = append(all, set)
		}
	}
	data, _ := compile.Scanner(all)
	s := match.Scanner(data)
	found := match.NewBitset(s.Sets())
	left := map[string]int{}
	total := 0
	for _, v := range values() {
		found.Reset()
		s.Scan(v, found)
		for n := range exprs {
			if found.HasAll(ids[n]) {
				left[exprs[n]]++
				total++
			}
		}
	}
	b.Logf("%d runs left of %d", total, len(values())*len(exprs))
	for expr, n := range left {
		if n > 2 {
			sets, _ := compile.Literals(expr)
			b.Logf("%d %.120q", n, expr)
			for _, set := range sets {
				b.Logf("      %d %.100q", len(set), fmt.Sprint(set))
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	exprs := crsExpressions(b)
	for _, kind := range []struct {
		name  string
		texts []string
	}{{"values", values()}, {"prose", []string{prose(4 << 10)}}} {
		n := 0
		for _, text := range kind.texts {
			n += len(text)
		}
		b.Run(kind.name+"/machine", func(b *testing.B) {
			m := match.New(0)
			var programs []match.Program
			for _, expr := range exprs {
				programs = append(programs, program(b, expr))
			}
			b.SetBytes(int64(n * len(exprs)))
			b.ReportAllocs()
			for b.Loop() {
				for id, p := range programs {
					for _, text := range kind.texts {
						m.Match(id, p, text)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(exprs)*len(kind.texts)), "ns/call")
		})
		b.Run(kind.name+"/regexp", func(b *testing.B) {
			var peers []peer
			for _, expr := range exprs {
				peers = append(peers, newPeer(b, expr))
			}
			b.SetBytes(int64(n * len(exprs)))
			for b.Loop() {
				for _, like := range peers {
					for _, text := range kind.texts {
						like.MatchString(text)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(exprs)*len(kind.texts)), "ns/call")
		})
	}
}
