package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	tests := []struct {
		name   string
		events []string
		want   []string // every line of the report, in order
	}{
		{
			name: "pass",
			events: []string{
				`{"Action":"start","Package":"p"}`,
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/sub"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}`,
				`{"Action":"pass","Package":"p","Elapsed":0.12}`,
			},
			want: []string{"ok    p  0.1s", "2 passed, 0 failed, 0 skipped"},
		},
		{
			name: "figures that a passing test measured are shown",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: figure: 10 calls\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p","Elapsed":0.12}`,
			},
			want: []string{"      10 calls", "ok    p  0.1s", "1 passed, 0 failed, 0 skipped"},
		},
		{
			name: "fail shows its output once",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: got 1\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: []string{"    a_test.go:3: got 1", "FAIL\tp\t0.1s", "FAIL  p TestA", "0 passed, 1 failed, 0 skipped"},
		},
		{
			name: "build failure counts as one failure",
			events: []string{
				`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: undefined: x\n"}`,
				`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			},
			want: []string{"p.go:1: undefined: x", "FAIL\tp [build failed]", "FAIL  p", "0 passed, 1 failed, 0 skipped"},
		},
		{
			name: "failure in one package does not hide a crash in another",
			events: []string{
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
				`{"Action":"fail","Package":"q"}`,
			},
			want: []string{"FAIL  p TestA", "FAIL  q", "0 passed, 2 failed, 0 skipped"},
		},
		{
			name: "a test that never ended shows what it said",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"last words\n"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: []string{"last words", "FAIL\tp\t0.1s", "FAIL  p", "0 passed, 1 failed, 0 skipped"},
		},
		{
			name: "skip gives its reason",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestMoto","Output":"=== RUN   TestMoto\n"}`,
				`{"Action":"output","Package":"p","Test":"TestMoto","Output":"    moto_test.go:9: moto_server is not installed\n"}`,
				`{"Action":"output","Package":"p","Test":"TestMoto","Output":"--- SKIP: TestMoto (0.00s)\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestMoto"}`,
				`{"Action":"skip","Package":"p","Test":"TestMute"}`,
				`{"Action":"pass","Package":"p","Elapsed":1}`,
			},
			want: []string{
				"ok    p  1.0s",
				"SKIP  p TestMoto  moto_test.go:9: moto_server is not installed",
				"SKIP  p TestMute  no reason given",
				"0 passed, 0 failed, 2 skipped",
			},
		},
		{
			name:   "package without tests, foreign line and unfinished line",
			events: []string{`{"Action":"skip","Package":"p"}`, `not json`, `{"Action":"pass","Package":"q","Test":"TestB"}`},
			want:   []string{"not json", "1 passed, 0 failed, 0 skipped"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			sum, err := read(strings.NewReader(strings.Join(tt.events, "\n")), &out)
			if err != nil {
				t.Fatal(err)
			}
			sum.print(&out)
			if got, want := out.String(), strings.Join(tt.want, "\n")+"\n"; got != want {
				t.Errorf("report:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestRun drives the real go command over a module made for the test, because
// the exit status is what CI trusts.
func TestRun(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		last       string
	}{
		{"green", `t.Run("sub", func(t *testing.T) {})`, 0, "2 passed, 0 failed, 0 skipped"},
		{"red", `t.Error("no")`, 1, "0 passed, 1 failed, 0 skipped"},
		{"broken", `undefined()`, 1, "0 passed, 1 failed, 0 skipped"},
		{"exit", `os.Exit(3)`, 1, "0 passed, 1 failed, 0 skipped"},
		{"only skipped", `t.Skip("why")`, 1, "0 passed, 0 failed, 1 skipped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "go.mod", "module example.com/m\n\ngo 1.26\n")
			write(t, dir, "m_test.go", "package m\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Args\n\nfunc TestM(t *testing.T) { "+tt.body+" }\n")
			t.Chdir(dir)
			t.Setenv("GOFLAGS", "-mod=mod")
			t.Setenv("GOWORK", "off")

			var out, stderr strings.Builder
			if got := run([]string{"./..."}, &out, &stderr); got != tt.status {
				t.Errorf("status = %d, want %d\n%s%s", got, tt.status, out.String(), stderr.String())
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if last := lines[len(lines)-1]; last != tt.last {
				t.Errorf("last line = %q, want %q\n%s", last, tt.last, out.String())
			}
		})
	}
}

// TestRunsAreSummed: the tests of both runs count, and one that fails is enough.
func TestRunsAreSummed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/m\n\ngo 1.26\n")
	for name, body := range map[string]string{"green": "", "red": `t.Error("no")`} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, dir, name+"/m_test.go", "package m\n\nimport \"testing\"\n\nfunc TestM(t *testing.T) { "+body+" }\n")
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "off")
	for _, args := range [][]string{{"./green", "+", "./red"}, {"./red", "+", "./green"}} {
		var out, stderr strings.Builder
		status := run(args, &out, &stderr)
		if status != 1 || !strings.HasSuffix(out.String(), "\n1 passed, 1 failed, 0 skipped\n") {
			t.Errorf("%v: status %d\n%s%s", args, status, out.String(), stderr.String())
		}
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
