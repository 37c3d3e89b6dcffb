package access

import (
	"bufio"
	"compress/gzip"
	_ "embed"
	"io"
	"slices"
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

// frequent are some 16,000 more, compressed: all of eight characters and more among the 30,000 most frequent passwords of
// those that leaked, the first 3,000 of them whatever their length, and the most frequent names and words. They are
// zxcvbn's lists (MIT licence), counted from leaks.
//
//go:embed frequent.txt.gz
var frequent string

// ownWords are the product's, which nobody has to guess.
func ownWords() []string {
	return []string{"autodefend", "defender", "console", "administrator", "admin", "prisma", "password"}
}

// leastWord is how long a word must be to count as one, in bytes.
const leastWord = 3

// checkPassword returns what is wrong with a new password. Words are those of this place besides our own.
func checkPassword(field, password, username string, words []string, strong bool) error {
	lower := strings.ToLower(password)
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
	case isCommon(lower):
		return invalid("%s: is one of the most frequent passwords", field).WithHint("choose another one")
	case isOfWords(lower, slices.Concat([]string{username}, words, ownWords())):
		return invalid("%s: is made of the names of the user, the product or the Console", field).WithHint("choose another one")
	case strong && !isStrong(password):
		return invalid("%s: needs a lower and an upper case letter, a digit and another character", field).
			WithHint("strongPassword of /settings/logon asks for it")
	}
	return nil
}

// isOfWords reports whether a password in lower case is nothing but words with digits and marks around them.
func isOfWords(lower string, words []string) bool {
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	rest := lower
	for _, word := range words {
		if len(word) >= leastWord {
			rest = strings.ReplaceAll(rest, strings.ToLower(word), "")
		}
	}
	return rest != lower && !strings.ContainsFunc(rest, unicode.IsLetter)
}

func isCommon(lower string) bool {
	// The digits and marks that people add don't make it another one.
	bare := strings.TrimRight(lower, "0123456789!?.*")
	if len(bare) <= 3 {
		bare = lower
	}
	return isListed(strings.NewReader(commonest), lower, bare) || isListed(unpacked(frequent), lower, bare) || sameRune(lower)
}

// isListed reports whether one of two texts is a line.
func isListed(list io.Reader, a, b string) bool {
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		if line := lines.Text(); line == a || line == b {
			return true
		}
	}
	return false
}

// unpacked reads an embedded list. That it can be read is tested.
func unpacked(list string) io.Reader {
	r, err := gzip.NewReader(strings.NewReader(list))
	if err != nil {
		return strings.NewReader("")
	}
	return r
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
