package fleet

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/autodefend/autodefend"
)

// tagBatch is how many functions one tagging call takes, which is AWS's limit.
const tagBatch = 20

// tagger tags functions in batches. A tag that can't be set is a warning: the
// function is protected all the same, and the next apply sets it.
type tagger struct {
	region Region
	tag    autodefend.Tag
	book   *book
	mu     sync.Mutex
	// waiting is guarded by mu.
	waiting []autodefend.FunctionARN
}

// add tags the function with the next full batch.
func (t *tagger) add(ctx context.Context, arn autodefend.FunctionARN) {
	t.mu.Lock()
	t.waiting = append(t.waiting, arn)
	var batch []autodefend.FunctionARN
	if len(t.waiting) >= tagBatch {
		batch, t.waiting = t.waiting, nil
	}
	t.mu.Unlock()
	t.send(ctx, batch)
}

// flush tags the functions that still wait.
func (t *tagger) flush(ctx context.Context) {
	t.mu.Lock()
	batch := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	t.send(ctx, batch)
}

func (t *tagger) send(ctx context.Context, batch []autodefend.FunctionARN) {
	if len(batch) == 0 {
		return
	}
	failed, err := t.region.Writer.TagFunctions(ctx, batch, t.tag)
	for _, arn := range batch {
		why := failed[arn]
		if err != nil {
			why = err
		}
		if why != nil {
			t.book.warn(arn, autodefend.Reason{
				Check: autodefend.CheckTag, Message: "the tag can't be set: " + why.Error(), Hint: autodefend.ErrorHint(why),
			})
		}
	}
}

// untag removes the tag from the functions and returns those that failed.
func untag(ctx context.Context, s *scout, arns map[autodefend.FunctionARN]bool) map[autodefend.FunctionARN]error {
	if len(arns) == 0 {
		return nil
	}
	batch := slices.SortedFunc(maps.Keys(arns), func(a, b autodefend.FunctionARN) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	failed, err := s.region.Writer.UntagFunctions(ctx, batch, s.cfg.Tag.Key)
	if err == nil {
		return failed
	}
	failed = map[autodefend.FunctionARN]error{}
	for _, arn := range batch {
		failed[arn] = err
	}
	return failed
}
