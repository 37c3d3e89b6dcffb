package consoletest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/store/pgtest"
)

// TestRefusesToStart: on a database that is damaged, newer or somebody else's, or with a certificate that has expired, the
// program says what to do and changes nothing.
func TestRefusesToStart(t *testing.T) {
	whole := usedConsole(t)
	tests := []struct {
		name   string
		change func(t *testing.T, dir string)
		says   string
		hint   string
	}{
		{"a damaged page", garbled, "the database can't be used: it's damaged", "autodefend console restore"},
		{"the end is gone", func(t *testing.T, dir string) { resize(t, dir, 5000) }, "the database can't be used: ", "autodefend console restore"},
		{"empty", func(t *testing.T, dir string) { resize(t, dir, 16) }, "the database can't be used: ", "autodefend console restore"},
		{
			"newer", statement("INSERT INTO schema_versions (version, name, sum, applied) VALUES (999, '0999_x.sql', 'x', 0)"),
			"newer version", "restore",
		},
		{"somebody else's", statement("DROP TABLE schema_versions"), "aren't the Console's", "of its own"},
		{"an expired certificate", func(t *testing.T, dir string) { certify(t, dir, time.Now().Add(-time.Hour)) }, "has expired", "renew it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			lay(t, dir, contents(t, whole))
			tt.change(t, dir)
			before := contents(t, dir)
			refused(t, tt.says, tt.hint, "--data", dir)
			if after := contents(t, dir); !maps.Equal(before, after) {
				t.Errorf("the data was changed; before there was %q, now there is %q", names(before), names(after))
			}
		})
	}
}

// TestRefusesNewerPostgres is the same for a newer database in PostgreSQL.
func TestRefusesNewerPostgres(t *testing.T) {
	database, dir := pgtest.Start(t), filepath.Join(t.TempDir(), "data")
	p := startConsole(t, dir, database)
	token := p.administrator(t)
	p.must(t, "POST", "/collections", token, `{"name":"mine","functions":["*"]}`)
	p.kill()
	execute(t, "pgx", database, "INSERT INTO schema_versions (version, name, sum, applied) VALUES (999, '0999_x.sql', 'x', 0)")
	refused(t, "newer version", "restore", "--data", dir, "--database", database)
	execute(t, "pgx", database, "DELETE FROM schema_versions WHERE version = 999")
	p = startConsole(t, dir, database)
	if got := p.must(t, "GET", "/collections", token, ""); !strings.Contains(string(got.body), `"mine"`) {
		t.Errorf("afterwards the collections are %s", got.body)
	}
}

// usedConsole returns the directory of a Console that was used and has ended, with a certificate.
func usedConsole(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	p := startConsole(t, dir, filepath.Join(dir, "console.db"))
	token := p.administrator(t)
	p.must(t, "PUT", "/policies/runtime/serverless", token, policyBody(1))
	p.must(t, "POST", "/defender/audits", p.defender(t, token, "orders"), report(time.Now(), "one", "two"))
	if err := p.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if <-p.ended; p.err != nil {
		t.Fatalf("the Console ended with: %v\n%s", p.err, p.log)
	}
	certify(t, dir, time.Now().Add(time.Hour))
	return dir
}

// refused starts a Console that has to end by itself, with an error and a hint, before it told an address.
func refused(t *testing.T, says, hint string, args ...string) {
	t.Helper()
	console := exec.CommandContext(t.Context(), program(t), append([]string{"console", "--listen", "127.0.0.1:0"}, args...)...)
	console.Env = append(os.Environ(), "AUTODEFEND_ADMIN_PASSWORD="+adminPassword)
	var said, log strings.Builder
	console.Stdout, console.Stderr = &said, &log
	var exit *exec.ExitError
	if err := console.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the Console ended with: %v", err)
	}
	if said.Len() > 0 {
		t.Errorf("it said %q", said.String())
	}
	_, last, _ := strings.Cut(log.String(), "autodefend: error: ")
	message, advice, _ := strings.Cut(last, "autodefend: hint: ")
	if !strings.Contains(message, says) || !strings.Contains(advice, hint) || message == "" || advice == "" {
		t.Errorf("it said:\n%s\nwant an error with %q and a hint with %q", log.String(), says, hint)
	}
}

// lay writes files to a new directory, for nobody else to read.
func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	err := os.Mkdir(dir, 0o700)
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contents returns the files of a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		all[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func names(files map[string]string) []string {
	var all []string
	for name, content := range files {
		all = append(all, fmt.Sprintf("%s of %d bytes", name, len(content)))
	}
	return all
}

func databaseOf(dir string) string { return filepath.Join(dir, "console.db") }

// garbled destroys what is behind the first page.
func garbled(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(databaseOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(content); i++ {
		content[i] = byte(i * 7)
	}
	if err := os.WriteFile(databaseOf(dir), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func resize(t *testing.T, dir string, size int64) {
	t.Helper()
	if err := os.Truncate(databaseOf(dir), size); err != nil {
		t.Fatal(err)
	}
}

// statement changes the database by SQL.
func statement(text string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		execute(t, "sqlite", databaseOf(dir), text)
	}
}

func execute(t *testing.T, driver, address, text string) {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err == nil {
		_, err = db.Exec(text)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// certify gives the Console a certificate that ends at a time.
func certify(t *testing.T, dir string, end time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]pem.Block{
		"certificate.pem": {Type: "CERTIFICATE", Bytes: certificate}, "certificate.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
