package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// nearest adds the known name that is most like the unknown one to an error.
func nearest(e *autodefend.Error, name string, known []string, prefix string) error {
	best, found := mostLike(name, known)
	if !found {
		return e.WithHint("autodefend config prints all keys that exist")
	}
	return e.WithHint("did you mean %q? autodefend config prints all keys that exist", strings.TrimPrefix(best, prefix))
}

// mostLike returns the known name with the fewest edits from name, when they
// are few enough to be a slip.
func mostLike(name string, known []string) (string, bool) {
	if len(name) > 64 || len(known) == 0 { // nothing we know is as long
		return "", false
	}
	best := slices.MinFunc(known, func(a, b string) int {
		return cmp.Or(cmp.Compare(autodefend.EditDistance(name, a), autodefend.EditDistance(name, b)), cmp.Compare(a, b))
	})
	return best, autodefend.EditDistance(name, best) <= max(2, len(best)/2)
}
