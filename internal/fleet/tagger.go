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
	recipe string
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
	// The ownership tag goes first: a tag whose owner isn't known is taken for
	// the customer's.
	owned := autodefend.Tag{Key: autodefend.OwnershipTag, Value: t.recipe}
	failed, err := t.region.Writer.TagFunctions(ctx, batch, owned)
	if rest := without(batch, failed); err == nil && len(rest) > 0 {
		var more map[autodefend.FunctionARN]error
		more, err = t.region.Writer.TagFunctions(ctx, rest, t.tag)
		failed = merge(failed, more)
	}
	for _, arn := range batch {
		why := failed[arn]
		if err != nil {
			why = err
		}
		if why != nil {
			t.book.warn(arn, tagWarning("set", why))
		}
	}
}

func tagWarning(done string, err error) autodefend.Reason {
	return autodefend.Reason{
		Check: autodefend.CheckTag, Message: "the tag can't be " + done + ": " + err.Error(), Hint: autodefend.ErrorHint(err),
	}
}

// untag carries out the changes of tags that a roll-back starts with, the
// ownership tag last, and returns the functions that failed.
func untag(ctx context.Context, s *scout, batch []autodefend.Verdict) map[autodefend.FunctionARN]error {
	var marked, owned []autodefend.FunctionARN
	for _, v := range batch {
		if v.Change.Tag == nil {
			continue
		}
		owned = append(owned, v.ARN)
		if v.Change.Tag.Key != autodefend.OwnershipTag {
			marked = append(marked, v.ARN)
		}
	}
	failed := untagKey(ctx, s, marked, s.cfg.Tag.Key)
	return merge(failed, untagKey(ctx, s, without(owned, failed), autodefend.OwnershipTag))
}

func untagKey(ctx context.Context, s *scout, arns []autodefend.FunctionARN, key string) map[autodefend.FunctionARN]error {
	if len(arns) == 0 {
		return nil
	}
	failed, err := s.region.Writer.UntagFunctions(ctx, arns, key)
	if err == nil {
		return failed
	}
	failed = map[autodefend.FunctionARN]error{}
	for _, arn := range arns {
		failed[arn] = err
	}
	return failed
}

// without returns the functions that didn't fail.
func without(arns []autodefend.FunctionARN, failed map[autodefend.FunctionARN]error) []autodefend.FunctionARN {
	return slices.DeleteFunc(slices.Clone(arns), func(arn autodefend.FunctionARN) bool { return failed[arn] != nil })
}

func merge(a, b map[autodefend.FunctionARN]error) map[autodefend.FunctionARN]error {
	all := map[autodefend.FunctionARN]error{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}
