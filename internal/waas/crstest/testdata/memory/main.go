// Command memory prints its resident memory, in KiB, when it has started, after the first event and after all events
// of standard input, which come one a line.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
)

func main() {
	debug.SetGCPercent(20) // as the Defender does
	rule := policy.NewWAASRule("memory")
	engine, err := waas.New(&rule)
	if err != nil {
		panic(err)
	}
	fmt.Println("start", resident())
	lines := bufio.NewReaderSize(os.Stdin, 64<<10)
	for n := 0; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		engine.Inspect(context.Background(), line)
		if n == 0 {
			fmt.Println("first", resident())
		}
	}
	fmt.Println("load", resident())
}

func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	size, _, _ := strings.Cut(rest, "kB")
	return strings.TrimSpace(size)
}
