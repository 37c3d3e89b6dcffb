package keys

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func master(b byte) []byte { return bytes.Repeat([]byte{b}, MasterSize) }

// ring makes keys, or fails the test.
func ring(t *testing.T, masters ...[]byte) *Keys {
	t.Helper()
	k, err := New(masters...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNewestKeySealsAndOlderOnesOpen(t *testing.T) {
	old, both, newest := ring(t, master(1)), ring(t, master(2), master(1)), ring(t, master(2))
	aad := []byte("credential a")
	before := old.Seal([]byte("secret"), aad)
	if plain, err := both.Open(before, aad); err != nil || string(plain) != "secret" {
		t.Errorf("what the old key sealed: %q, %v", plain, err)
	}
	if _, err := newest.Open(before, aad); autodefend.ErrorCode(err) != autodefend.CodeInternal {
		t.Errorf("the new key alone opens what the old one sealed: %v", err)
	}
	anew, err := both.Reseal(before, aad)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := newest.Open(anew, aad); err != nil || string(plain) != "secret" {
		t.Errorf("sealed anew: %q, %v", plain, err)
	}
	if again, err := both.Reseal(anew, aad); err != nil || !bytes.Equal(again, anew) {
		t.Errorf("what the newest sealed was sealed again: %v", err)
	}
	if _, err := both.Reseal(before, []byte("credential b")); err == nil {
		t.Error("sealed anew for something else")
	}
	if !both.PolicySigner().Equal(newest.PolicySigner()) || !both.OldPolicySigner(old.IDs()[0]).Equal(old.PolicySigner()) {
		t.Error("the signers aren't those of the keys")
	}
	for _, id := range []string{"", "x", both.IDs()[0]} {
		if both.OldPolicySigner(id) != nil {
			t.Errorf("%q is an old key", id)
		}
	}
	if both.IDs()[0] != newest.IDs()[0] || both.IDs()[1] != old.IDs()[0] || both.IDs()[0] == both.IDs()[1] {
		t.Errorf("ids %q", both.IDs())
	}
}

func TestRingsThatWontDo(t *testing.T) {
	for name, masters := range map[string][][]byte{
		"none": {}, "the same twice": {master(1), master(2), master(1)}, "a short one": {master(1), make([]byte, 16)},
		"too many": {master(1), master(2), master(3), master(4), master(5), master(6), master(7), master(8), master(9)},
	} {
		if _, err := New(masters...); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRotateAndRetire(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	content := func() string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if _, err := Rotate(dir); err == nil {
		t.Error("rotated a key that isn't there")
	}
	first, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	old := content()
	both, err := Rotate(dir)
	if err != nil || both.IDs()[1] != first.IDs()[0] || !strings.HasSuffix(content(), old) || strings.Count(content(), "\n") != 2 {
		t.Fatalf("%v: %q after %q", err, content(), old)
	}
	if again, err := Rotate(dir); err != nil || again.IDs()[0] != both.IDs()[0] || len(again.IDs()) != 2 {
		t.Errorf("a second rotation: %v", err)
	}
	if opened, err := Open(dir, ""); err != nil || opened.IDs()[0] != both.IDs()[0] || opened.IDs()[1] != both.IDs()[1] {
		t.Errorf("opened: %v", err)
	}
	// The same keys, divided otherwise, in the variable.
	if opened, err := Open(dir, strings.ReplaceAll(strings.TrimSpace(content()), "\n", ",")); err != nil || opened.IDs()[1] != both.IDs()[1] {
		t.Errorf("opened by the variable: %v", err)
	}
	if n, err := Retire(dir); err != nil || n != 1 {
		t.Errorf("retired %d, %v", n, err)
	}
	if n, err := Retire(dir); err != nil || n != 0 {
		t.Errorf("retired again %d, %v", n, err)
	}
	if opened, err := Present(dir); err != nil || len(opened.IDs()) != 1 || opened.IDs()[0] != both.IDs()[0] {
		t.Errorf("what is left: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
