package lambdasim

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// violations collects what AWS's front door finds wrong with a request before
// any operation sees it; all of it is reported in one ValidationException.
type violations []string

// add records that the value of a field breaks a constraint.
func (v *violations) add(value, field, constraint string) {
	*v = append(*v, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", value, field, constraint))
}

// addSecret records a violation of a field whose value AWS does not repeat.
func (v *violations) addSecret(field, constraint string) {
	*v = append(*v, fmt.Sprintf("Value at '%s' failed to satisfy constraint: %s", field, constraint))
}

// pattern demands that a value matches a pattern as a whole.
func (v *violations) pattern(value, field, pattern string) {
	if !fullMatch(pattern, value) {
		v.add(value, field, "Member must satisfy regular expression pattern: "+pattern)
	}
}

// maxLength demands that a value is at most n bytes long.
func (v *violations) maxLength(value, field string, n int) {
	if len(value) > n {
		v.add(value, field, "Member must have length less than or equal to "+strconv.Itoa(n))
	}
}

// between demands that a number lies in a range.
func (v *violations) between(value *int, field string, low, high int) {
	if value == nil {
		return
	}
	if *value < low {
		v.add(strconv.Itoa(*value), field, "Member must have value greater than or equal to "+strconv.Itoa(low))
	}
	if *value > high {
		v.add(strconv.Itoa(*value), field, "Member must have value less than or equal to "+strconv.Itoa(high))
	}
}

// oneOf demands that a value, unless empty, is one of a set.
func (v *violations) oneOf(value, field string, set []string) {
	if value != "" && !slices.Contains(set, value) {
		v.add(value, field, "Member must satisfy enum value set: ["+strings.Join(set, ", ")+"]")
	}
}

// err returns the ValidationException for what was found, or nil.
func (v violations) err() error {
	switch len(v) {
	case 0:
		return nil
	case 1:
		return errValidation("1 validation error detected: " + v[0])
	}
	return errValidation(strconv.Itoa(len(v)) + " validation errors detected: " + strings.Join(v, "; "))
}

// errValidation returns a ValidationException.
func errValidation(message string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: "ValidationException", message: message}
}

// errInvalid returns an InvalidParameterValueException.
func errInvalid(format string, args ...any) *apiError {
	return newError(http.StatusBadRequest, "InvalidParameterValueException", format, args...)
}

// errNotFound returns a ResourceNotFoundException.
func errNotFound(format string, args ...any) *apiError {
	e := newError(http.StatusNotFound, "ResourceNotFoundException", format, args...)
	e.upperMessage = true
	return e
}

// errConflict returns a ResourceConflictException.
func errConflict(format string, args ...any) *apiError {
	return newError(http.StatusConflict, "ResourceConflictException", format, args...)
}

// errPrecondition returns the 412 of a stale RevisionId; api is what AWS tells
// the caller to call.
func errPrecondition(api string) *apiError {
	return newError(http.StatusPreconditionFailed, "PreconditionFailedException",
		"The Revision Id provided does not match the latest Revision Id. Call the %s API to retrieve the latest Revision Id", api)
}

// errTooLarge returns a RequestEntityTooLargeException.
func errTooLarge(format string, args ...any) *apiError {
	return newError(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", format, args...)
}

// fullMatch reports whether a value matches one of AWS's patterns as a whole.
// Go's regular expressions have no look-ahead, so the one form of it that AWS
// uses, "(?!^[0-9]+$)", is taken off and checked by hand.
func fullMatch(pattern, value string) bool {
	const notDigits = "(?!^[0-9]+$)"
	if rest, ok := strings.CutPrefix(pattern, notDigits); ok {
		return !allDigits(value) && fullMatch(rest, value)
	}
	return compiled(pattern).MatchString(value)
}

// compiled returns the anchored pattern.
func compiled(pattern string) *regexp.Regexp {
	if re, ok := patternCache.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(`\A(?:` + pattern + `)\z`)
	patternCache.Store(pattern, re)
	return re
}

// allDigits reports whether s is not empty and has digits only.
func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
