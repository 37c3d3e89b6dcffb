package main

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// demoFunction is the demo's function that is attacked.
const demoFunction = "webshop-invoices"

//go:embed demo
var demoFiles embed.FS

// attack is one event for the function.
type attack struct {
	what, payload string
	// needs is a program of this machine that the attack starts, "" for none.
	needs string
}

// attacks returns what is done to the function: one honest event, then each
// way in that it leaves open.
func attacks() []attack {
	return []attack{
		{"An honest event.", `{"number": 7}`, ""},
		{"A shell command.", `{"filter": "id; env | grep -c KEY"}`, "sh"},
		{"A server that isn't the owner's, by its name.", `{"logo": "http://yahoo.com/"}`, "wget"},
		{"An address, without a name.", `{"printer": "203.0.113.9"}`, ""},
		{"A file that lies beside the code.", `{"template": "/var/task/signing.key"}`, ""},
		{"A crypto miner.", `{"engine": ["./xmrig", "-o", "stratum+tcp://pool.example:3333"]}`, ""},
	}
}

// putVictim adds the function to the simulated AWS, and the policy and its key
// to the demo's directory.
func (c *demoCommand) putVictim(ctx context.Context) error {
	code, err := zipped("demo", map[string]os.FileMode{"invoices.py": 0o644, "signing.key": 0o644, "xmrig": 0o755})
	if err != nil {
		return err
	}
	c.world.PutFunction(lambdasim.DemoProduction, "us-east-1", lambdasim.FunctionSpec{
		Name: demoFunction, Runtime: "python3.13", Handler: "invoices.handler", Role: "arn:aws:iam::" + lambdasim.DemoProduction + ":role/invoices",
		Memory: 128, Timeout: 10, Architectures: []string{lambdaArch()}, Env: map[string]string{"CURRENCY": "EUR"}, Tags: map[string]string{},
		Code: code,
	})
	policy, err := demoFiles.ReadFile("demo/policy.json")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, "policy.json"), policy, 0o600); err != nil {
		return fmt.Errorf("write the demo's policy: %w", err)
	}
	c.note("What functions may do is said by a policy; this one is signed, so that nobody can change it on the way.")
	fmt.Fprintf(c.stdout, "\n%s", policy)
	return c.step(ctx, "policy", "keygen", "policy.key")
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

// attack does everything to the function that its callers can do.
func (c *demoCommand) attack(ctx context.Context, chosen []attack) error {
	for _, a := range chosen {
		if _, err := exec.LookPath(a.needs); a.needs != "" && err != nil {
			c.note("SKIPPED: %s It needs %s, which isn't installed here.", a.what, a.needs)
			continue
		}
		c.note("%s", a.what)
		if err := c.step(ctx, "invoke", demoFunction, "--region", "us-east-1", "--payload", a.payload); err != nil {
			return err
		}
	}
	return nil
}
