package wrapper

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

func TestChildEnviron(t *testing.T) {
	tests := []struct {
		name     string
		in       []string
		next     string
		want     []string
		wantNext string
	}{
		{"nothing of ours", []string{"B=1", "A=2", "B=3", "", "x"}, "", []string{"B=1", "A=2", "B=3", "", "x"}, ""},
		{"ours go", []string{"A=1", "AUTODEFEND_ATTACHED=x", "AWS_LAMBDA_EXEC_WRAPPER=/opt/autodefend/wrapper", "B=2"}, "", []string{"A=1", "B=2"}, ""},
		{"the owner's comes back in its place", []string{"A=1", "AWS_LAMBDA_EXEC_WRAPPER=/ours", "AUTODEFEND_NEXT_WRAPPER=/theirs", "B=2"}, "/theirs", []string{"A=1", "AWS_LAMBDA_EXEC_WRAPPER=/theirs", "B=2"}, "/theirs"},
		{"and once", []string{"AWS_LAMBDA_EXEC_WRAPPER=/a", "AWS_LAMBDA_EXEC_WRAPPER=/b"}, "/theirs", []string{"AWS_LAMBDA_EXEC_WRAPPER=/theirs"}, ""},
		{"and also where there was none", []string{"AUTODEFEND_NEXT_WRAPPER=/theirs"}, "/theirs", []string{"AWS_LAMBDA_EXEC_WRAPPER=/theirs"}, "/theirs"},
		{"our policy", []string{"TW_POLICY=" + autodefend.PolicyPrefix + "x", "TW_POLICY_A=1"}, "", []string{"TW_POLICY_A=1"}, ""},
		{"another's policy", []string{"TW_POLICY=x"}, "", []string{"TW_POLICY=x"}, ""},
		{"names that begin alike", []string{"AUTODEFEND=1", "AWS_LAMBDA_EXEC_WRAPPERS=2", "XAUTODEFEND_A=3"}, "", []string{"AUTODEFEND=1", "AWS_LAMBDA_EXEC_WRAPPERS=2", "XAUTODEFEND_A=3"}, ""},
		{"the first of two counts", []string{"AUTODEFEND_NEXT_WRAPPER=/1", "AUTODEFEND_NEXT_WRAPPER=/2"}, "", []string{}, "/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, childEnviron(tt.in, tt.next)); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			if got := Lookup(tt.in, EnvNextWrapper); got != tt.wantNext {
				t.Errorf("next wrapper %q, want %q", got, tt.wantNext)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	argv := []string{"/var/lang/bin/node", "index.mjs"}
	plan := resolve(argv, []string{"AWS_LAMBDA_EXEC_WRAPPER=/ours", "AUTODEFEND_NEXT_WRAPPER=/theirs"})
	env := []string{"AWS_LAMBDA_EXEC_WRAPPER=/theirs"}
	want := []command{
		{path: "/theirs", args: []string{"/theirs", "/var/lang/bin/node", "index.mjs"}, env: env, script: true},
		{path: "/var/lang/bin/node", args: argv, env: env},
	}
	if diff := cmp.Diff(want, plan.commands, cmp.AllowUnexported(command{})); diff != "" || len(plan.problems) != 0 {
		t.Errorf("problems %v, commands (-want +got):\n%s", plan.problems, diff)
	}
	shell := asScript(plan.commands[0])
	if diff := cmp.Diff([]string{"/bin/bash", "/theirs", "/var/lang/bin/node", "index.mjs"}, shell.args); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}
	t.Setenv("PATH", "/bin")
	if got := resolve([]string{"sh"}, nil).commands[0]; got.path != "/bin/sh" || got.args[0] != "sh" {
		t.Errorf("a name without a slash became %+v", got)
	}
	if got := resolve([]string{"sh"}, []string{"AWS_LAMBDA_EXEC_WRAPPER=/same", "AUTODEFEND_NEXT_WRAPPER=/same"}); len(got.commands) != 1 || len(got.problems) != 1 {
		t.Errorf("a wrapper that chains itself: %+v", got)
	}
}

func TestStdio(t *testing.T) {
	closed := ^uintptr(0)
	if diff := cmp.Diff([]uintptr{closed, 1, closed}, entryState{closed: 0b101}.stdio()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStartFailure(t *testing.T) {
	if startFailure(errors.New("x")) != exitNotExecutable {
		t.Error("an unknown failure is not 126")
	}
}
