package main

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// The demo's functions that are attacked.
const (
	demoInvoices = "webshop-invoices" // by what it's told to do
	demoSearch   = "webshop-search"   // by requests
)

//go:embed demo
var demoFiles embed.FS

// attack is one event for a function.
type attack struct {
	what, function, payload string
	// needs is a program of this machine that the attack starts, "" for none.
	needs string
}

// attacks returns what is done to the invoices' function: one honest event,
// then each way in that it leaves open.
func attacks() []attack {
	return []attack{
		{"An honest event.", demoInvoices, `{"number": 7}`, ""},
		{"A shell command.", demoInvoices, `{"filter": "id; env | grep -c KEY"}`, "sh"},
		{"A server that isn't the owner's, by its name.", demoInvoices, `{"logo": "http://yahoo.com/"}`, "wget"},
		{"An address, without a name.", demoInvoices, `{"printer": "203.0.113.9"}`, ""},
		{"A file that lies beside the code.", demoInvoices, `{"template": "/var/task/signing.key"}`, ""},
		{"A crypto miner.", demoInvoices, `{"engine": ["./xmrig", "-o", "stratum+tcp://pool.example:3333"]}`, ""},
	}
}

// requests returns what the search's callers send: one honest request, then an
// attack of each family, each by another trigger.
func requests() []attack {
	return []attack{
		{"An honest request.", demoSearch, "@rest-honest.json", ""},
		{"SQL injection, by API Gateway.", demoSearch, "@rest-sqli.json", ""},
		{"Cross-site scripting, by a function URL.", demoSearch, "@url-xss.json", ""},
		{"Command injection, by a load balancer, which leaves the query encoded.", demoSearch, "@alb-cmdi.json", ""},
		{"Code injection, in a form that a function URL delivers as base64.", demoSearch, "@url-form-code.json", ""},
		{"A file of the system, by a queue.", demoSearch, "@sqs-lfi.json", ""},
	}
}

// putVictims adds the functions to the simulated AWS, and the policies, their
// key and the requests to the demo's directory.
func (c *demoCommand) putVictims(ctx context.Context) error {
	err := errors.Join(
		c.putVictim(demoInvoices, "invoices.handler", map[string]os.FileMode{"invoices.py": 0o644, "signing.key": 0o644, "xmrig": 0o755}),
		c.putVictim(demoSearch, "search.handler", map[string]os.FileMode{"search.py": 0o644}),
	)
	if err != nil {
		return err
	}
	files, err := c.writeFiles()
	if err != nil {
		return err
	}
	c.note("What functions may do is said by a policy, and what may be sent to them by another. Both are signed, so that nobody can change them on the way.")
	for _, name := range []string{"policy.json", "firewall.json"} {
		fmt.Fprintf(c.stdout, "\n%s:\n%s", name, files[name])
	}
	return c.step(ctx, "policy", "keygen", "policy.key")
}

func (c *demoCommand) putVictim(name, handler string, files map[string]os.FileMode) error {
	code, err := zipped("demo", files)
	if err != nil {
		return err
	}
	c.world.PutFunction(lambdasim.DemoProduction, "us-east-1", lambdasim.FunctionSpec{
		Name: name, Runtime: "python3.13", Handler: handler, Role: "arn:aws:iam::" + lambdasim.DemoProduction + ":role/" + name,
		Memory: 128, Timeout: 10, Architectures: []string{lambdaArch()}, Env: map[string]string{"CURRENCY": "EUR"}, Tags: map[string]string{},
		Code: code,
	})
	return nil
}

// writeFiles puts the policies and the events into the demo's directory and
// returns them by their names.
func (c *demoCommand) writeFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, pattern := range []string{"demo/*.json", "demo/events/*.json"} {
		names, err := fs.Glob(demoFiles, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			content, err := demoFiles.ReadFile(name)
			if err != nil {
				return nil, err
			}
			files[path.Base(name)] = content
			if err := os.WriteFile(filepath.Join(c.dir, path.Base(name)), content, 0o600); err != nil {
				return nil, fmt.Errorf("write the demo's files: %w", err)
			}
		}
	}
	return files, nil
}

// lambdaArch is Lambda's name of this machine's architecture.
func lambdaArch() string {
	if runtime.GOARCH == "arm64" {
		return autodefend.ArchARM
	}
	return autodefend.ArchX86
}

// zipped packs files of the demo with their modes.
func zipped(dir string, files map[string]os.FileMode) ([]byte, error) {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for name, mode := range files {
		content, err := demoFiles.ReadFile(dir + "/" + name)
		if err != nil {
			return nil, err
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(mode)
		w, err := archive.CreateHeader(header)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack the demo's function: %w", err)
	}
	return b.Bytes(), nil
}

// attackable reports whether functions can be run here, and says so if not.
func (c *demoCommand) attackable() bool {
	if _, err := exec.LookPath("python3"); err != nil {
		c.note("SKIPPED: the attacks need python3, which isn't installed here. Everything else is shown.")
		return false
	}
	return true
}

// attack does to functions what their callers can do.
func (c *demoCommand) attack(ctx context.Context, chosen []attack) error {
	for _, a := range chosen {
		if _, err := exec.LookPath(a.needs); a.needs != "" && err != nil {
			c.note("SKIPPED: %s It needs %s, which isn't installed here.", a.what, a.needs)
			continue
		}
		c.note("%s", a.what)
		if err := c.step(ctx, "invoke", a.function, "--region", "us-east-1", "--payload", a.payload); err != nil {
			return err
		}
	}
	return nil
}
