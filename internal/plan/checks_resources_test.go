package plan

import (
	"maps"
	"time"

	"github.com/autodefend/autodefend"
)

func memory(mb int) func(*situation) { return func(s *situation) { s.f.MemoryMB = mb } }

func timeout(sec int) func(*situation) { return func(s *situation) { s.f.TimeoutSec = sec } }

func used(mb int, p99 time.Duration) func(*situation) {
	return func(s *situation) {
		s.f.MemoryMB, s.f.TimeoutSec = 1000, 100
		s.f.Observed = &autodefend.Observed{Window: time.Hour, Invocations: 1, MaxMemoryMB: mb, DurationP99: p99}
	}
}

func resourceCases() []checkCase {
	const id = autodefend.CheckUtilization
	return []checkCase{
		{check: autodefend.CheckMemory, name: "255", edit: memory(255), want: autodefend.Fail, seen: 255, limit: 256},
		{check: autodefend.CheckMemory, name: "256", edit: memory(256), want: autodefend.Fail, message: "256 MB and must be greater than 256 MB", hint: "MIN_MEMORY_MB", seen: 256, limit: 256},
		{check: autodefend.CheckMemory, name: "257", edit: memory(257), want: autodefend.Pass, seen: 257, limit: 256},
		{check: autodefend.CheckMemory, name: "127, our recipe", recipe: "autodefend", edit: memory(127), want: autodefend.Fail, seen: 127, limit: 127},
		{check: autodefend.CheckMemory, name: "128, our recipe", recipe: "autodefend", edit: memory(128), want: autodefend.Pass, seen: 128, limit: 127},

		{check: autodefend.CheckTimeout, name: "869", edit: timeout(869), want: autodefend.Pass, seen: 869, limit: 870},
		{check: autodefend.CheckTimeout, name: "870", edit: timeout(870), want: autodefend.Fail, message: "must be less than 870 s", hint: "TIMEOUT_BUFFER_SEC", seen: 870, limit: 870},
		{check: autodefend.CheckTimeout, name: "900", edit: timeout(900), want: autodefend.Fail, seen: 900, limit: 870},
		{check: autodefend.CheckTimeout, name: "900, our recipe", recipe: "autodefend", edit: timeout(900), want: autodefend.Pass, seen: 900, limit: 900},

		{check: id, name: "unread", edit: func(s *situation) { s.f.Observed = nil }, want: autodefend.Unknown},
		{check: id, name: "memory 94 %", edit: used(940, 0), want: autodefend.Pass},
		{check: id, name: "memory 95 %", edit: used(950, 0), want: autodefend.Pass},
		{check: id, name: "memory just over 95 %", edit: used(951, 0), want: autodefend.Fail, seen: 96, limit: 95},
		{check: id, name: "memory 96 %", edit: used(960, 0), want: autodefend.Fail, message: "960 MB of 1000 MB", seen: 96, limit: 95},
		{check: id, name: "timeout 94 %", edit: used(0, 94*time.Second), want: autodefend.Pass},
		{check: id, name: "timeout 95 %", edit: used(0, 95*time.Second), want: autodefend.Pass},
		{check: id, name: "timeout a millisecond over 95 %", edit: used(0, 95*time.Second+time.Millisecond), want: autodefend.Fail, seen: 96, limit: 95},
		{check: id, name: "timeout 96 %", edit: used(0, 96*time.Second), want: autodefend.Fail, message: "1m36s of 1m40s", seen: 96, limit: 95},
		{check: id, name: "timeout unknown", edit: func(s *situation) { s.f.TimeoutSec = 0 }, want: autodefend.Fail},
	}
}

func codeSize(bytes int64) func(*situation) { return func(s *situation) { s.f.CodeSize = bytes } }

// unzipped gives the code, the owner's layer and ours sizes after extraction;
// 0 is unknown.
func unzipped(code, layer, ours int64) func(*situation) {
	return func(s *situation) {
		s.f.CodeSize = 60 * mb
		if code > 0 {
			s.facts.CodeUnzipped = map[string]int64{s.f.ARN.String(): code}
		}
		s.facts.Layers = maps.Clone(s.facts.Layers)
		s.facts.Layers[ownerLayer] = autodefend.LayerVersion{ARN: ownerLayer, Status: autodefend.LayerReadable, Unzipped: layer}
		defender := s.facts.Defender[s.f.Architecture]
		defender.Unzipped = ours
		s.facts.Defender = map[string]autodefend.LayerVersion{s.f.Architecture: defender}
	}
}

func sizeCases() []checkCase {
	const (
		zip      = autodefend.CheckCodeSize
		id       = autodefend.CheckUnzippedSize
		limit    = int64(262_144_000)
		ours     = int64(6_000_000)
		ownersIs = int64(1_000_000)
		fits     = limit - ours - ownersIs
	)
	return []checkCase{
		{check: zip, name: "a byte below 70 MB", edit: codeSize(70*1_048_576 - 1), want: autodefend.Pass, seen: int64(73_400_319), limit: int64(73_400_320)},
		{check: zip, name: "70 MB", edit: codeSize(70 * 1_048_576), want: autodefend.Pass, seen: int64(73_400_320), limit: int64(73_400_320)},
		{check: zip, name: "a byte above 70 MB", edit: codeSize(70*1_048_576 + 1), want: autodefend.Fail, hint: "ZIPPED_SIZE_THRESHOLD", seen: int64(73_400_321), limit: int64(73_400_320)},
		{check: zip, name: "250 MB, our recipe", recipe: "autodefend", edit: codeSize(250 * mb), want: autodefend.Pass},
		{check: zip, name: "a byte above 250 MB, our recipe", recipe: "autodefend", edit: codeSize(250*mb + 1), want: autodefend.Fail},

		{check: id, name: "far from the limit", want: autodefend.Pass, message: "far"},
		{check: id, name: "a byte below", edit: unzipped(fits-1, ownersIs, ours), want: autodefend.Pass, seen: limit - 1, limit: limit},
		{check: id, name: "exact", edit: unzipped(fits, ownersIs, ours), want: autodefend.Pass, seen: limit, limit: limit},
		{check: id, name: "a byte above", edit: unzipped(fits+1, ownersIs, ours), want: autodefend.Fail, message: "262144001 bytes", seen: limit + 1, limit: limit},
		{check: id, name: "an older layer of ours doesn't count", edit: func(s *situation) {
			layers(ownerLayer, "arn:aws:lambda:eu-west-1:123456789012:layer:twistlock:6")(s)
			unzipped(fits, ownersIs, ours)(s)
		}, want: autodefend.Pass, seen: limit, limit: limit},
		{check: id, name: "code unread", edit: unzipped(0, ownersIs, ours), want: autodefend.Unknown},
		{check: id, name: "owner's layer unread", edit: unzipped(fits, 0, ours), want: autodefend.Unknown, message: ownerLayer},
		{check: id, name: "our layer unread", edit: unzipped(fits, ownersIs, 0), want: autodefend.Unknown, message: "twistlock:7"},
	}
}
