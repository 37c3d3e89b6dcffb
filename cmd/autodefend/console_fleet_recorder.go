package main

import (
	"context"
	"slices"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
)

// recorder is an estate that remembers what was listed last, without the values of variables.
type recorder struct {
	fleet.Estate

	mu sync.Mutex
	// listed and tags are guarded by mu; tags is nil until they were read.
	listed []autodefend.Function
	tags   map[string]map[string]string
}

// ListFunctions lists a page and remembers it. The first page begins anew.
func (r *recorder) ListFunctions(ctx context.Context, marker string) ([]autodefend.Function, string, error) {
	page, next, err := r.Estate.ListFunctions(ctx, marker)
	r.mu.Lock()
	defer r.mu.Unlock()
	if marker == "" {
		r.listed = nil
	}
	for _, f := range page {
		r.listed = append(r.listed, withoutValues(f))
	}
	return page, next, err
}

// FunctionTags reads the tags of all functions and remembers them.
func (r *recorder) FunctionTags(ctx context.Context) (map[string]map[string]string, error) {
	tags, err := r.Estate.FunctionTags(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tags = nil
	if err == nil {
		r.tags = tags
		if tags == nil {
			r.tags = map[string]map[string]string{}
		}
	}
	return tags, err
}

// functions are those that were listed, with their tags where they could be read.
func (r *recorder) functions() []autodefend.Function {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.listed)
	for i := range all {
		all[i].Tags, all[i].TagsKnown = r.tags[all[i].ARN.String()], r.tags != nil
	}
	return all
}

// withoutValues returns a function without the values of its variables, but for those that tell what is ours.
func withoutValues(f autodefend.Function) autodefend.Function {
	values := f.Environment.Variables
	f.Environment.Variables = make(autodefend.Variables, len(values))
	for name := range values {
		f.Environment.Variables[name] = ""
	}
	for _, name := range []string{autodefend.MarkerVariable, autodefend.WrapperVariable} {
		if value, present := values[name]; present {
			f.Environment.Variables[name] = value
		}
	}
	return f
}
