package autodefend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestVariablesNeverShowValues(t *testing.T) {
	const secret = "s3cr3t-value"
	v := Variables{"TOKEN": secret, "A1": secret}
	y, err := v.MarshalYAML()
	if err != nil {
		t.Fatal(err)
	}
	f := Function{Environment: Environment{Variables: v}, CodeURL: secret}
	for name, value := range map[string]any{
		"variables": v, "pointer": &v, "environment": f.Environment, "update": Update{Variables: &v},
		"recipe": Recipe{Environment: v}, "list": []Variables{v}, "map": map[string]Variables{"x": v},
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", value)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", value)
		j, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out := log.String() + string(j) + fmt.Sprintf("%v %+v %#v %s %q %d", value, value, value, value, value, value)
		if strings.Contains(out, secret) || strings.Contains(fmt.Sprintf("%x %X", value, value), fmt.Sprintf("%x", secret)) {
			t.Errorf("%s shows a value: %s", name, out)
		}
		if !strings.Contains(string(j), "TOKEN") && name != "update" {
			t.Errorf("%s doesn't show the names: %s", name, j)
		}
	}
	if got := fmt.Sprint(v); got != `2 variables ["A1" "TOKEN"]` || !slices.Equal(y.([]string), []string{"A1", "TOKEN"}) {
		t.Errorf("%s and %v, want the number and the sorted names", got, y)
	}
	if j, err := json.Marshal(f); err != nil || bytes.Contains(j, []byte(secret)) {
		t.Errorf("the function's JSON shows a secret: %s, %v", j, err)
	}
}

func TestSettled(t *testing.T) {
	tests := []struct {
		state, update string
		want          bool
	}{
		{"Active", "Successful", true},
		{"", "", true},
		{"Active", "Failed", true},
		{"Failed", "Failed", true},
		{"Pending", "Successful", false},
		{"Active", "InProgress", false},
		{"Pending", "InProgress", false},
	}
	for _, tt := range tests {
		if got := (Function{State: State{Name: tt.state}, LastUpdate: State{Name: tt.update}}).Settled(); got != tt.want {
			t.Errorf("%s and %s: settled %t, want %t", tt.state, tt.update, got, tt.want)
		}
	}
	if got := (Function{Layers: []AttachedLayer{{ARN: "b"}, {ARN: "a"}}}).LayerARNs(); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("layers %v, want them in order", got)
	}
}

func TestError(t *testing.T) {
	cause := errors.New("cause")
	inner := Errorf(CodeDenied, "inner").WithHint("ask")
	tests := []struct {
		err        error
		text, hint string
		code       Code
	}{
		{nil, "", "", ""},
		{cause, "cause", "", CodeInternal},
		{&Error{Code: CodeInvalid, Message: "m"}, "m", "", CodeInvalid},
		{&Error{Code: CodeInvalid, Err: cause}, "cause", "", CodeInvalid},
		{&Error{Code: CodeInvalid, Message: "m", Err: cause}, "m: cause", "", CodeInvalid},
		{fmt.Errorf("open: %w", inner), "open: inner", "ask", CodeDenied},
		{&Error{Code: CodeConflict, Message: "outer", Err: inner}, "outer: inner", "ask", CodeConflict},
		{&Error{Code: CodeConflict, Message: "outer", Hint: "first", Err: inner}, "outer: inner", "first", CodeConflict},
	}
	for _, tt := range tests {
		if ErrorCode(tt.err) != tt.code || ErrorHint(tt.err) != tt.hint || (tt.err != nil && tt.err.Error() != tt.text) {
			t.Errorf("%v: code %s and hint %q, want %q, %s and %q", tt.err, ErrorCode(tt.err), ErrorHint(tt.err), tt.text, tt.code, tt.hint)
		}
	}
	if !errors.Is(&Error{Err: cause}, cause) {
		t.Error("the cause can't be found")
	}
	plain := Errorf(CodeInvalid, "m")
	if _ = plain.WithHint("h"); plain.Hint != "" {
		t.Error("WithHint changed its receiver")
	}
}
