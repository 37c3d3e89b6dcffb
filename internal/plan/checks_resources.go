package plan

import (
	"time"

	"github.com/autodefend/autodefend"
)

// maxTimeoutSec is the longest timeout of a function.
const maxTimeoutSec = 900

// bytesPerMB is a MB in AWS's quotas.
const bytesPerMB = 1 << 20

func checkMemory(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckMemory
	limit := facts.Recipe.Limits.MinMemoryMB
	if f.MemoryMB > limit {
		return saw(pass(id, "%d MB is greater than %d MB", f.MemoryMB, limit), f.MemoryMB, limit, "MB")
	}
	return saw(fail(id, "raise the function's memory, or lower MIN_MEMORY_MB when the Defender is known to fit",
		"memory is %d MB and must be greater than %d MB", f.MemoryMB, limit), f.MemoryMB, limit, "MB")
}

func checkTimeout(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckTimeout
	buffer := facts.Recipe.Limits.TimeoutBufferSec
	if buffer == 0 {
		return saw(pass(id, "the recipe needs no buffer"), f.TimeoutSec, maxTimeoutSec, "s")
	}
	limit := maxTimeoutSec - buffer
	if f.TimeoutSec < limit {
		return saw(pass(id, "%d s is less than %d s", f.TimeoutSec, limit), f.TimeoutSec, limit, "s")
	}
	return saw(fail(id, "lower the function's timeout, or TIMEOUT_BUFFER_SEC when the Defender starts faster",
		"timeout is %d s and must be less than %d s to leave the Defender %d s", f.TimeoutSec, limit, buffer), f.TimeoutSec, limit, "s")
}

func checkUtilization(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckUtilization
	if f.Observed == nil {
		return unknown(id, "what the function uses wasn't read (option --metrics)")
	}
	percent := facts.Recipe.Limits.UtilizationPercent
	if used := share(int64(f.Observed.MaxMemoryMB), int64(f.MemoryMB)); used > int64(percent) {
		return saw(fail(id, "raise the function's memory", "it was seen to use %d MB of %d MB", f.Observed.MaxMemoryMB, f.MemoryMB), used, percent, "%")
	}
	timeout := time.Duration(f.TimeoutSec) * time.Second
	if used := share(int64(f.Observed.DurationP99), int64(timeout)); used > int64(percent) {
		return saw(fail(id, "raise the function's timeout", "its p99 duration is %s of %s", f.Observed.DurationP99.Round(time.Millisecond), timeout), used, percent, "%")
	}
	return pass(id, "at most %d MB and %s (p99) were seen", f.Observed.MaxMemoryMB, f.Observed.DurationP99.Round(time.Millisecond))
}

// share returns used as percent of whole, rounded up so that whatever is over
// a limit also reads so.
func share(used, whole int64) int64 {
	whole = max(whole, 1)
	return (used*100 + whole - 1) / whole
}

func checkCodeSize(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckCodeSize
	limit := int64(facts.Recipe.Limits.ZippedSizeThresholdMB) * bytesPerMB
	if f.CodeSize <= limit {
		return saw(pass(id, "%d bytes zipped", f.CodeSize), f.CodeSize, limit, "bytes")
	}
	return saw(fail(id, "make the package smaller, or raise ZIPPED_SIZE_THRESHOLD: the exact size after extraction is checked all the same",
		"the zipped package has %d bytes, more than %d", f.CodeSize, limit), f.CodeSize, limit, "bytes")
}

// NearUnzippedLimit reports whether the exact size after extraction must be
// known to judge the function: zips rarely shrink to less than a fifth.
func NearUnzippedLimit(f autodefend.Function, facts Facts) bool {
	const ratio = 5
	zipped := f.CodeSize + facts.Defender[f.Architecture].CodeSize
	for _, l := range f.Layers {
		zipped += l.CodeSize
	}
	return f.PackageType != autodefend.PackageImage && zipped > MaxUnzippedBytes/ratio
}

func checkUnzippedSize(f autodefend.Function, facts Facts) autodefend.Finding {
	const id = autodefend.CheckUnzippedSize
	if !NearUnzippedLimit(f, facts) {
		return pass(id, "far from the limit")
	}
	total, known := facts.CodeUnzipped[f.ARN.String()]
	if !known {
		return unknown(id, "the size after extraction wasn't read")
	}
	for _, arn := range append(ownersLayers(facts.Recipe, f), facts.Defender[f.Architecture].ARN) {
		l := facts.Layers[arn]
		if arn == facts.Defender[f.Architecture].ARN {
			l = facts.Defender[f.Architecture]
		}
		if l.Unzipped == 0 {
			return unknown(id, "the size of layer %s after extraction wasn't read", arn)
		}
		total += l.Unzipped
	}
	if total <= MaxUnzippedBytes {
		return saw(pass(id, "%d bytes after extraction", total), total, int64(MaxUnzippedBytes), "bytes")
	}
	return saw(fail(id, "make the package or a layer smaller", "code and layers would have %d bytes after extraction, AWS allows %d", total, MaxUnzippedBytes),
		total, int64(MaxUnzippedBytes), "bytes")
}
