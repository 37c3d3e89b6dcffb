package shimtest

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchRules are tables from nothing to decide to every act asked about.
func benchRules() []struct {
	name  string
	rules rules
} {
	lists := rules{
		modes: map[int]byte{kindOpen: modeList, kindConnect: modeList}, flags: flagRedirect, protected: []int{os.Getpid()},
		denyRead: []string{"/etc/shadow", "/srv/keys", "/home"}, denyWrite: []string{"/etc", "/usr"}, denyPorts: [][2]uint16{{25, 25}}, answer: allowAll,
	}
	ask := rules{modes: map[int]byte{kindOpen: modeAsk, kindConnect: modeAsk, kindExec: modeAsk}, protected: []int{os.Getpid()}, answer: allowAll}
	return []struct {
		name  string
		rules rules
	}{{"off", rules{answer: allowAll}}, {"lists", lists}, {"ask", ask}}
}

// BenchmarkCalls prints nanoseconds bare and under the shim, and their ratio, of one run.
func BenchmarkCalls(b *testing.B) {
	program := program(b, compiler(b, runtime.GOARCH), "bench", "-O2")
	shim := shimFile(b, runtime.GOARCH)
	for _, what := range []struct{ name, count string }{{"open", "20000"}, {"link", "20000"}, {"connect", "50000"}, {"exec", "100"}} {
		for _, table := range benchRules() {
			b.Run(what.name+"/"+table.name, func(b *testing.B) {
				s := newSupervisor(b, table.rules)
				for b.Loop() {
					bare := nanoseconds(b, exec.Command(program, what.name, what.count))
					held := nanoseconds(b, s.command(shim, program, what.name, what.count))
					b.ReportMetric(bare, "bare-ns")
					b.ReportMetric(held, "shim-ns")
					b.ReportMetric(held/bare, "ratio")
				}
			})
		}
	}
}

func nanoseconds(b *testing.B, cmd *exec.Cmd) float64 {
	b.Helper()
	out, err := runBounded(b, cmd, time.Minute)
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
