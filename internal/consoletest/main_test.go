package consoletest

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/autodefend/autodefend/internal/store/pgtest"
)

// long asks for as many kills and cuts as the product promises to survive.
var long = flag.Bool("long", false, "kill and cut the power many more times")

// writerVariable makes the test's program a writer: see [writeForever].
const writerVariable = "CONSOLETEST_WRITER"

func TestMain(m *testing.M) {
	if address := os.Getenv(writerVariable); address != "" {
		os.Exit(writeForever(address))
	}
	if dir := os.Getenv(diskVariable); dir != "" {
		os.Exit(serveDisk(dir))
	}
	code := pgtest.Main(m)
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, "remove the program:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}
