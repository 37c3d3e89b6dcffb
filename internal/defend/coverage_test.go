package defend

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

func TestCover(t *testing.T) {
	const kernel, preload, watch = autodefend.TierKernel, autodefend.TierPreload, autodefend.TierWatch
	sections := policy.Sections{
		Processes: policy.ProcessSection{Effect: autodefend.Prevent},
		Network:   policy.NetworkSection{Effect: autodefend.Block},
		DNS:       policy.DNSSection{Effect: autodefend.Alert},
		Files:     policy.FileSection{Effect: autodefend.Disable},
	}
	off := Held{Effect: autodefend.Disable, Coverage: autodefend.NotCovered}
	tests := []struct {
		tiers []autodefend.Tier
		want  Report
	}{
		{nil, Report{
			Held{Effect: autodefend.Prevent, Coverage: autodefend.NotCovered},
			Held{Effect: autodefend.Block, Coverage: autodefend.NotCovered},
			Held{Effect: autodefend.Alert, Coverage: autodefend.NotCovered},
			off,
		}},
		{[]autodefend.Tier{watch}, Report{
			Held{autodefend.Prevent, watch, autodefend.Detected},
			Held{autodefend.Block, watch, autodefend.Detected},
			Held{Effect: autodefend.Alert, Coverage: autodefend.NotCovered},
			off,
		}},
		{[]autodefend.Tier{watch, preload}, Report{
			Held{autodefend.Prevent, preload, autodefend.Enforced},
			Held{autodefend.Block, preload, autodefend.Enforced},
			Held{autodefend.Alert, preload, autodefend.Seen},
			off,
		}},
		{[]autodefend.Tier{kernel, watch}, Report{
			Held{autodefend.Prevent, kernel, autodefend.Enforced},
			Held{autodefend.Block, kernel, autodefend.Enforced},
			Held{autodefend.Alert, kernel, autodefend.Seen},
			off,
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Cover(sections, tt.tiers)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.tiers, diff)
		}
	}
}

func TestAnnounce(t *testing.T) {
	w := protect(t, strict(autodefend.Prevent))
	w.defender.Announce([]autodefend.Tier{autodefend.TierPreload, autodefend.TierWatch})
	golden(t, "start.json", w.log.Bytes())
}
