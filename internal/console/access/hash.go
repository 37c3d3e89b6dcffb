package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"github.com/autodefend/autodefend"
)

// What a hash costs: 19 MiB and two passes, OWASP's least, is some 45 ms of one core. More would let those who don't know
// a password keep the Console busy more cheaply.
const (
	hashMemory  = 19 * 1024 // KiB
	hashTime    = 2
	hashThreads = 1
	hashSize    = 32
	saltSize    = 16
	// What a stored hash may ask for at most.
	maxHashMemory = 256 * 1024 // KiB
	maxHashTime   = 16
	maxHashSize   = 64

	// hashingAtOnce bounds the memory: so many hashes are computed at the same time, and so many callers wait for it.
	hashingAtOnce = 2
	hashingQueue  = 64
)

// hashing computes hashes of passwords, a few at a time.
type hashing struct {
	slots   chan struct{}
	waiting atomic.Int64
	// memory and time are what a new hash costs.
	memory, time uint32
}

func newHashing() *hashing {
	return &hashing{slots: make(chan struct{}, hashingAtOnce), memory: hashMemory, time: hashTime}
}

// enter waits for a slot, which leave gives back. It fails when too many wait or ctx ends.
func (h *hashing) enter(ctx context.Context) error {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > hashingQueue {
		return autodefend.Errorf(autodefend.CodeThrottled, "too many logins at the same time").WithHint("try again in a second")
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the login was given up", Err: ctx.Err()}
	}
}

func (h *hashing) leave() { <-h.slots }

// hashPassword returns a password's argon2id hash in PHC's format.
func (h *hashing) hashPassword(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := randomBytes(saltSize)
	sum := argon2.IDKey([]byte(password), salt, h.time, h.memory, hashThreads, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, hashThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)), nil
}

// phc is a hash as it's stored.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

// nobodysHash costs as much as anybody's.
func (h *hashing) nobodysHash() phc {
	return phc{memory: h.memory, time: h.time, threads: hashThreads, salt: make([]byte, saltSize), sum: make([]byte, hashSize)}
}

// matches computes the password's hash. The caller holds a slot.
func (p phc) matches(password string) bool {
	sum := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.sum))) //nolint:gosec // bounded by parsePHC
	return subtle.ConstantTimeCompare(sum, p.sum) == 1
}

var errNotPHC = errors.New("the stored hash isn't argon2id in PHC's format")

func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errNotPHC
	}
	var p phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return phc{}, errNotPHC
	}
	var err error
	if p.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return phc{}, errNotPHC
	}
	if p.sum, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil {
		return phc{}, errNotPHC
	}
	if !p.bounded() {
		return phc{}, errNotPHC
	}
	return p, nil
}

func (p phc) bounded() bool {
	return p.memory >= 8 && p.memory <= maxHashMemory && p.time >= 1 && p.time <= maxHashTime && p.threads >= 1 &&
		len(p.salt) >= 8 && len(p.sum) >= 16 && len(p.sum) <= maxHashSize
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
