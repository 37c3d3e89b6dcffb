package access

import (
	"bufio"
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
)

// Bounds of a password: characters at least, bytes at most.
const (
	minPassword = 8
	maxPassword = 256
)

// commonest are passwords that are tried first, in lower case, one a line.
//
//go:embed commonest.txt
var commonest string

// checkPassword returns what is wrong with a new password.
func checkPassword(field, password, username string, strong bool) error {
	switch {
	case password == "":
		return invalid("%s: is missing", field)
	case utf8.RuneCountInString(password) < minPassword:
		return invalid("%s: has fewer than %d characters", field, minPassword).WithHint("a sentence is easy to remember")
	case len(password) > maxPassword:
		return invalid("%s: has more than %d bytes", field, maxPassword)
	case !utf8.ValidString(password):
		return invalid("%s: isn't UTF-8", field)
	case strings.EqualFold(password, username):
		return invalid("%s: is the user's name", field).WithHint("choose another one")
	case isCommon(strings.ToLower(password)):
		return invalid("%s: is one of the most frequent passwords", field).WithHint("choose another one")
	case strong && !isStrong(password):
		return invalid("%s: needs a lower and an upper case letter, a digit and another character", field).
			WithHint("strongPassword of /settings/logon asks for it")
	}
	return nil
}

func isCommon(lower string) bool {
	// The digits and marks that people add don't make it another one.
	bare := strings.TrimRight(lower, "0123456789!?.*")
	lines := bufio.NewScanner(strings.NewReader(commonest))
	for lines.Scan() {
		if line := lines.Text(); line == lower || len(bare) > 3 && line == bare {
			return true
		}
	}
	return sameRune(lower)
}

func sameRune(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return strings.Trim(s, string(first)) == ""
}

func isStrong(password string) bool {
	return strings.ContainsFunc(password, unicode.IsLower) && strings.ContainsFunc(password, unicode.IsUpper) &&
		strings.ContainsFunc(password, unicode.IsDigit) &&
		strings.ContainsFunc(password, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func invalid(format string, args ...any) *autodefend.Error {
	return autodefend.Errorf(autodefend.CodeInvalid, format, args...)
}
