package kernel

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

const callSource = `
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
int main(int argc, char **argv) {
	int n = atoi(argv[1]), best = 5;
	struct sockaddr_in a = {AF_INET, htons(9)};
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	double opened = 1e18, connected = 1e18, unmatched = 1e18;
	while (best--) {
		double t = now();
		for (int i = 0; i < n; i++) close(open("/etc/passwd", O_RDONLY));
		t = (now() - t) / n; if (t < opened) opened = t;
		int s = socket(AF_INET, SOCK_DGRAM, 0);
		t = now();
		for (int i = 0; i < n; i++) connect(s, (struct sockaddr *)&a, sizeof a);
		t = (now() - t) / n; if (t < connected) connected = t;
		close(s);
		t = now();
		for (int i = 0; i < n; i++) getppid();
		t = (now() - t) / n; if (t < unmatched) unmatched = t;
	}
	printf("%.0f %.0f %.0f\n", opened, connected, unmatched);
	return 0;
}`

// BenchmarkCalls prints what one call costs in nanoseconds: bare, under an alerting and a stopping policy, and under
// strace, which looks and judges nothing. Best of five.
func BenchmarkCalls(b *testing.B) {
	program := compile(b, callSource)
	const calls = "4000"
	measure := func(b *testing.B, run func() string) {
		for range b.N {
			fields := strings.Fields(run())
			if len(fields) < 3 {
				b.Fatalf("no figures in %q", fields)
			}
			for i, name := range []string{"ns/open+close", "ns/connect", "ns/getppid"} {
				figure, err := strconv.ParseFloat(fields[len(fields)-3+i], 64)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(figure, name)
			}
		}
	}
	b.Run("bare", func(b *testing.B) {
		measure(b, func() string { out, _ := exec.Command(program, calls).Output(); return string(out) })
	})
	for _, effect := range []autodefend.Effect{autodefend.Disable, autodefend.Alert, autodefend.Prevent} {
		b.Run(string(effect), func(b *testing.B) {
			measure(b, func() string {
				s := sections(effect)
				s.Files.DenyRead = []string{"/nothing"}
				out, _ := output(b, Config{Sections: s, Refresh: true}, nil, program, calls)
				return out
			})
		})
	}
	b.Run("strace", func(b *testing.B) {
		strace := need(b, "strace")
		measure(b, func() string {
			out, _ := exec.Command(strace, "-f", "--seccomp-bpf", "-e", "trace=open,openat,connect,bind,execve", "-o", "/dev/null", program, calls).Output()
			return string(out)
		})
	})
}
