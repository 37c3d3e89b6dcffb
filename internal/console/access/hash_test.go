package access

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func TestHashes(t *testing.T) {
	h := newHashing()
	text, err := h.hashPassword(t.Context(), rootPassword)
	if err != nil || !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(text, err)
	}
	p, err := parsePHC(text)
	if err != nil || !p.matches(rootPassword) || p.matches(rootPassword+" ") {
		t.Errorf("%+v, %v", p, err)
	}
	if again, _ := h.hashPassword(t.Context(), rootPassword); again == text {
		t.Error("two hashes have one salt")
	}
	nobody := h.nobodysHash()
	if nobody.memory != p.memory || nobody.time != p.time || nobody.threads != p.threads || len(nobody.sum) != len(p.sum) {
		t.Errorf("a user who doesn't exist costs %+v", nobody)
	}
	cheaper, err := parsePHC("$argon2id$v=19$m=64,t=3,p=4$c29tZXNhbHQ$BouOwSC44Pz2QZdzYYxN+OqOIxqZLQYH")
	if err != nil || cheaper.memory != 64 || cheaper.time != 3 || cheaper.threads != 4 || string(cheaper.salt) != "somesalt" || len(cheaper.sum) != 24 {
		t.Errorf("%+v, %v", cheaper, err)
	}
	for _, bad := range []string{
		"", "$", strings.Replace(text, "argon2id", "argon2i", 1), strings.Replace(text, "v=19", "v=16", 1),
		strings.Replace(text, "m=19456", "m=4194304", 1), strings.Replace(text, "t=2", "t=0", 1), strings.Replace(text, "p=1", "p=0", 1),
		text + "$", strings.TrimRight(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
	} {
		if _, err := parsePHC(bad); err == nil {
			t.Errorf("%q is a hash", bad)
		}
	}
}

func TestHashingIsBounded(t *testing.T) {
	h := newHashing()
	for range hashingAtOnce {
		if err := h.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range hashingQueue {
		go func() { ended <- h.enter(ctx) }()
	}
	for h.waiting.Load() < hashingQueue {
		select {
		case err := <-ended:
			t.Fatalf("one didn't wait: %v", err)
		default:
			runtime.Gosched()
		}
	}
	if err := h.enter(ctx); autodefend.ErrorCode(err) != autodefend.CodeThrottled {
		t.Errorf("one more: %v", err)
	}
	cancel()
	for range hashingQueue {
		if err := <-ended; autodefend.ErrorCode(err) != autodefend.CodeUnavailable {
			t.Errorf("given up: %v", err)
		}
	}
	h.leave()
	if err := h.enter(t.Context()); err != nil {
		t.Errorf("after one left: %v", err)
	}
}
