package match_test

import (
	"testing"

	"github.com/autodefend/autodefend/internal/waas/match/layout"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// TestTableHasThisFormat keeps the embedded programs and the code that reads them
// together: neither looks at the number when a function runs.
func TestTableHasThisFormat(t *testing.T) {
	const remedy = "run go generate ./internal/waas/rules"
	for n := 1; n <= rules.Programs(); n++ {
		if got := rules.Program(int16(n))[layout.OffFormat]; got != layout.Format {
			t.Fatalf("program %d has format %d, want %d: %s", n, got, layout.Format, remedy)
		}
	}
	if got := rules.Literals()[layout.OffScanFormat]; got != layout.Format {
		t.Fatalf("the scanner has format %d, want %d: %s", got, layout.Format, remedy)
	}
}
