package consoletest

import (
	"flag"
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
	os.Exit(pgtest.Main(m))
}
