package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

// TestMoto takes a second opinion: plan, apply and roll-back against moto's
// server, which somebody else wrote. It checks the wiring only, since moto
// knows no revisions, limits or states.
func TestMoto(t *testing.T) {
	moto, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server isn't installed (python package moto[server]): no second opinion on plan, apply and rollback")
	}
	if testing.Short() {
		t.Skip("starting moto_server takes seconds")
	}
	dir := t.TempDir()
	if err := writePrograms(dir); err != nil {
		t.Fatal(err)
	}
	motoEnvironment(t, startMoto(t, moto))
	before := motoFunctions(t, createInMoto)

	must(t, 0, "layer", "publish", "--programs", dir)
	out := must(t, 2, "plan", "--detailed-exitcode", "-o", "json")
	var p autodefend.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	if p.Summary.Protect != 2 || p.Summary.Skip != 1 {
		t.Errorf("plan: %+v, want 2 to protect and 1 skipped", p.Summary)
	}
	out = must(t, 0, "apply", "--yes", "-o", "json")
	if !strings.Contains(out, `"protected": 2`) {
		t.Errorf("apply: want 2 protected, have %s", out)
	}
	for name, f := range motoFunctions(t, "") {
		attached := len(f.Layers) > 0 && strings.Contains(f.Layers[len(f.Layers)-1], ":autodefend-defender-") &&
			f.Variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/autodefend/wrapper" && f.Tags["SecurityProtected"] == "True"
		if want := name != "report"; attached != want {
			t.Errorf("%s: attached is %t, want %t: %v", name, attached, want, f)
		}
		for key, value := range before[name].Variables {
			if f.Variables[key] != value {
				t.Errorf("%s: the owner's variable %s was changed", name, key)
			}
		}
	}
	out = must(t, 0, "apply", "--yes", "-o", "json")
	if !strings.Contains(out, `"unchanged": 2`) {
		t.Errorf("second apply: want 2 unchanged, have %s", out)
	}
	out = must(t, 0, "rollback", "--yes", "-o", "json")
	if !strings.Contains(out, `"rolled-back": 2`) {
		t.Errorf("rollback: want 2 rolled back, have %s", out)
	}
	after, err := json.Marshal(motoFunctions(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(after, want) {
		t.Errorf("after the roll-back: %s\nbefore the apply: %s", after, want)
	}
}

// must runs the program and returns what it prints.
func must(t *testing.T, code int, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(args, strings.NewReader(""), &stdout, &stderr); got != code {
		t.Fatalf("autodefend %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, &stdout, &stderr)
	}
	if strings.Contains(stdout.String()+stderr.String(), secretMark) {
		t.Errorf("autodefend %s prints a secret", strings.Join(args, " "))
	}
	return stdout.String()
}

// startMoto starts moto's server on a free port and waits until it answers.
func startMoto(t *testing.T, program string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	ctx, stop := context.WithCancel(context.Background())
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "-H", "127.0.0.1", "-p", port)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("moto_server:\n%s", &log)
		}
	})
	url := "http://127.0.0.1:" + port
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(url + "/moto-api/")
		if err == nil {
			response.Body.Close()
			return url
		}
	}
	t.Fatal("moto_server doesn't answer")
	return ""
}

// motoEnvironment leads this process, and python, to moto and nowhere else.
func motoEnvironment(t *testing.T, url string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "AUTODEFEND_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
		"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"AUTODEFEND_RATE": "1000", "AUTODEFEND_AS_OF": "2026-07-15",
		// moto answers 500 to what it lacks; that needn't be asked eight times.
		"AWS_MAX_ATTEMPTS": "2",
	} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
}

// motoFunction is a function as boto3 sees it.
type motoFunction struct {
	Handler   string
	Layers    []string
	Variables map[string]string
	Tags      map[string]string
}

// createInMoto makes the functions of the test.
const createInMoto = `
role = boto3.client("iam").create_role(RoleName="lambda", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as z:
    z.writestr("app.py", "def handler(event, context): pass")
for name, runtime, variables in [
    ("orders", "python3.13", {"DB_PASSWORD": "hunter2-motomoto", "MODE": "a<b & c"}),
    ("mailer", "nodejs22.x", {}),
    ("report", "go1.x", {"STAGE": "live"}),
]:
    client.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler="app.handler", MemorySize=512, Timeout=30,
        Code={"ZipFile": archive.getvalue()}, Environment={"Variables": variables}, Tags={"team": "shop"})
`

// motoFunctions runs Python code and then lists the functions.
func motoFunctions(t *testing.T, code string) map[string]motoFunction {
	t.Helper()
	script := filepath.Join(t.TempDir(), "functions.py")
	text := `import boto3, io, json, zipfile
client = boto3.client("lambda")
` + code + `
found = {}
for f in client.list_functions()["Functions"]:
    found[f["FunctionName"]] = {
        "Handler": f["Handler"], "Layers": [l["Arn"] for l in f.get("Layers", [])],
        "Variables": f.get("Environment", {}).get("Variables", {}), "Tags": client.list_tags(Resource=f["FunctionArn"])["Tags"],
    }
print(json.dumps(found))
`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", script)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, &stderr)
	}
	found := map[string]motoFunction{}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return found
}
