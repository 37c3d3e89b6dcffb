package plan

import (
	"path"

	"github.com/autodefend/autodefend"
)

// Selection says which functions are meant. Globs are those of [path.Match]
// and match whole names.
type Selection struct {
	// Functions are globs; a function must match one. Empty means all.
	Functions []string
	// Exclude are globs of functions the owner wants left alone.
	Exclude []string
	// Tags must all be on a function; an empty value matches every value.
	Tags []autodefend.Tag
}

// managedNames are globs of functions that AWS services own and rewrite:
// CloudWatch Synthetics' canaries and Control Tower's.
func managedNames() []string { return []string{"cwsyn-*", "aws-controltower-*"} }

// Validate names the first malformed glob.
func (s Selection) Validate() error {
	if err := validGlobs("function", s.Functions); err != nil {
		return err
	}
	return validGlobs("exclude", s.Exclude)
}

func validGlobs(option string, globs []string) error {
	for _, glob := range globs {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return autodefend.Errorf(autodefend.CodeInvalid, "option %s: %q isn't a glob", option, glob).
				WithHint("use * for any text, ? for one character and [abc] for a choice")
		}
	}
	return nil
}

// Includes reports whether the function is in the scope at all. Functions that
// aren't have no verdict.
func (s Selection) Includes(name string) bool {
	return len(s.Functions) == 0 || matchesAny(s.Functions, name) != ""
}

// matchesAny returns the first glob that matches, or "".
func matchesAny(globs []string, name string) string {
	for _, glob := range globs {
		if ok, err := path.Match(glob, name); ok && err == nil {
			return glob
		}
	}
	return ""
}

// missingTag returns the first tag of the selection that the tags lack.
func (s Selection) missingTag(tags map[string]string) (autodefend.Tag, bool) {
	for _, want := range s.Tags {
		if have, ok := tags[want.Key]; !ok || (want.Value != "" && have != want.Value) {
			return want, true
		}
	}
	return autodefend.Tag{}, false
}
