package keys

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/autodefend/autodefend"
)

func TestOpenMakesTheMasterKeyOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
	second, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if !first.PolicySigner().Equal(second.PolicySigner()) || !bytes.Equal(first.Sessions()[0], second.Sessions()[0]) ||
		!bytes.Equal(first.DefenderTokens()[0].Key, second.DefenderTokens()[0].Key) {
		t.Error("the second start has other keys")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, FileName+".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOpenAtTheSameTimeAgrees(t *testing.T) {
	dir := t.TempDir()
	const starts = 8
	sessions := make([][]byte, starts)
	var wg sync.WaitGroup
	for i := range starts {
		wg.Go(func() {
			k, err := Open(dir, "")
			if err != nil {
				t.Error(err)
				return
			}
			sessions[i] = k.Sessions()[0]
		})
	}
	wg.Wait()
	for _, s := range sessions {
		if !bytes.Equal(s, sessions[0]) {
			t.Fatal("two starts made two keys")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(make([]byte, MasterSize))
	for _, test := range []struct {
		name, file, variable string
		mode                 os.FileMode
		want                 string
	}{
		{name: "a file that others may read", file: good, mode: 0o644, want: "others than its owner"},
		{name: "an empty file", file: "", mode: 0o600, want: "isn't base64"},
		{name: "a file of something else", file: "hello, world", mode: 0o600, want: "isn't base64"},
		{name: "a short key", file: base64.StdEncoding.EncodeToString(make([]byte, 16)), mode: 0o600, want: "has 16 bytes"},
		{name: "a variable of something else", variable: "?", want: EnvironmentVariable},
		{name: "a variable with a long key", variable: base64.StdEncoding.EncodeToString(make([]byte, 33)), want: "has 33 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if test.variable == "" {
				if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, test.mode); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(dir, test.variable)
			if err == nil || !strings.Contains(err.Error(), test.want) || autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if autodefend.ErrorHint(err) == "" {
				t.Error("no hint")
			}
			if after, _ := os.ReadFile(path); string(after) != test.file {
				t.Errorf("the file is %q now", after)
			}
		})
	}
}

func TestVariableWinsOverFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, base64.StdEncoding.EncodeToString(make([]byte, MasterSize))+"\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName)); err == nil {
		t.Error("a file was made though the variable has the key")
	}
}

func TestKeysDiffer(t *testing.T) {
	k, err := New(make([]byte, MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(k.Sessions()[0], k.DefenderTokens()[0].Key) || bytes.Equal(k.Sessions()[0], k.PolicySigner().Seed()) {
		t.Error("two purposes have one key")
	}
	other, err := New(bytes.Repeat([]byte{1}, MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(k.Sessions()[0], other.Sessions()[0]) {
		t.Error("two master keys have one session key")
	}
}

func TestSeal(t *testing.T) {
	k, err := New(make([]byte, MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Seal([]byte("secret"), []byte("credential a"))
	plain, err := k.Open(sealed, []byte("credential a"))
	if err != nil || string(plain) != "secret" {
		t.Fatalf("opened %q, %v", plain, err)
	}
	if bytes.Equal(sealed, k.Seal([]byte("secret"), []byte("credential a"))) {
		t.Error("the same secret was sealed equally twice")
	}
	if _, err := k.Open(sealed, []byte("credential b")); err == nil {
		t.Error("it opened for another credential")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := k.Open(changed, []byte("credential a")); err == nil {
			t.Fatalf("it opened with byte %d changed", i)
		}
	}
	if _, err := k.Open(nil, nil); err == nil {
		t.Error("nothing opened")
	}
}
