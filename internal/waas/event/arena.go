package event

import "strings"

const (
	firstChunk = 1 << 10
	lastChunk  = 32 << 10
	// ownMemory is how long a string must be to have memory of its own: it
	// may be short-lived, and must not live as long as a short one beside it.
	ownMemory = 4 << 10
)

// arena makes strings that share a few chunks of memory: an event of 2 KB has
// some two hundred of them. What was written once is never changed, so the
// strings stay valid when the arena goes on in another chunk.
type arena struct {
	b      *strings.Builder // of the string being made
	shared strings.Builder
	from   int // where that string starts
	chunk  int
}

// begin starts a string of at most n bytes. A longer one is correct but copies.
func (a *arena) begin(n int) {
	if n >= ownMemory {
		a.b, a.from = new(strings.Builder), 0
		a.b.Grow(n)
		return
	}
	a.b = &a.shared
	if a.b.Cap()-a.b.Len() < n {
		a.shared = strings.Builder{}
		a.b.Grow(max(n, a.chunk, firstChunk))
		a.chunk = min(2*max(a.chunk, firstChunk), lastChunk)
	}
	a.from = a.b.Len()
}

// size is how much was written since begin.
func (a *arena) size() int { return a.b.Len() - a.from }

// end gives the string that was written since begin.
func (a *arena) end() string { return a.b.String()[a.from:] }

// copy gives a string that doesn't share memory with s.
func (a *arena) copy(s string) string {
	if s == "" {
		return ""
	}
	a.begin(len(s))
	a.b.WriteString(s)
	return a.end()
}

// lower gives s in ASCII lower case, s itself when it is.
func (a *arena) lower(s string) string {
	i := 0
	for i < len(s) && !isUpper(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	a.begin(len(s))
	a.b.WriteString(s[:i])
	for ; i < len(s); i++ {
		c := s[i]
		if isUpper(c) {
			c += 'a' - 'A'
		}
		a.b.WriteByte(c)
	}
	return a.end()
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
