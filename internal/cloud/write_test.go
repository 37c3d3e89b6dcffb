package cloud

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/plan"
)

// updates are updates of every shape, with text that JSON writes in more than
// one way.
func updates() map[string]autodefend.Update {
	u := func(layers *[]string, variables *autodefend.Variables, handler *string) autodefend.Update {
		return autodefend.Update{
			Function: functionARN("fn", ""), RevisionID: "2c5f1a9e-1111-4222-8333-444455556666",
			Layers: layers, Variables: variables, Handler: handler,
		}
	}
	var noLayers []string
	handler := "twistlock.handler"
	return map[string]autodefend.Update{
		"nothing":         u(nil, nil, nil),
		"no layers left":  u(&[]string{}, nil, nil),
		"nil layers left": u(&noLayers, nil, nil),
		"layers": u(&[]string{
			"arn:aws:lambda:eu-west-1:111111111111:layer:a:1", "arn:aws:lambda:eu-west-1:111111111111:layer:b:22",
		}, nil, nil),
		"no variables left":  u(nil, &autodefend.Variables{}, nil),
		"nil variables left": u(nil, new(autodefend.Variables), nil),
		"handler":            u(nil, nil, &handler),
		"plain": u(&[]string{}, &autodefend.Variables{
			"AWS_LAMBDA_EXEC_WRAPPER": "/opt/autodefend/wrapper", "AUTODEFEND_ATTACHED": "autodefend/01234567890123456789",
		}, &handler),
		"HTML":       u(nil, &autodefend.Variables{"A": "<b>&amp;</b> a=1&b=2", "B": "'`{}[]"}, nil),
		"quotes":     u(nil, &autodefend.Variables{"A": `say "hi" \ / \n`, "B": `{"k":"v"}`}, nil),
		"unicode":    u(nil, &autodefend.Variables{"A": "héllo wörld", "B": "日本語", "C": "😀\u200b\ufeff", "D": "\u2028\u2029"}, nil),
		"white":      u(nil, &autodefend.Variables{"A": "a\nb\r\n\tc", "B": " ", "C": ""}, nil),
		"controls":   u(nil, &autodefend.Variables{"A": "\x00\x01\x1f\x1b[0m\b\f\x7f", "B": `\b\f`}, nil),
		"long":       u(nil, &autodefend.Variables{"A": strings.Repeat("x", 4000)}, nil),
		"many":       u(nil, manyVariables(), nil),
		"no-escapes": u(nil, &autodefend.Variables{"URL": "https://example.com/path?x=1"}, nil),
	}
}

func manyVariables() *autodefend.Variables {
	all := autodefend.Variables{}
	for i := range 100 {
		all[fmt.Sprintf("NAME_%d", i)] = fmt.Sprintf("<%d>", i)
	}
	return &all
}

// sent returns the body that an update is sent with.
func sent(t *testing.T, u autodefend.Update) string {
	t.Helper()
	var body []byte
	r := openThen(t, Config{}, doFunc(func(q *http.Request) (*http.Response, error) {
		var err error
		if body, err = io.ReadAll(q.Body); err != nil {
			t.Error(err)
		}
		if q.Method != http.MethodPut || q.URL.Path != "/2015-03-31/functions/fn/configuration" {
			t.Errorf("sent %s %s", q.Method, q.URL)
		}
		return response(q, 200, nil, `{}`), nil
	}))
	if err := r.UpdateFunction(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestPlanKnowsTheSizeOfRequests holds the size that a plan is made with
// against the bytes that are sent.
func TestPlanKnowsTheSizeOfRequests(t *testing.T) {
	for name, u := range updates() {
		if strings.HasPrefix(name, "nil ") {
			continue // never planned
		}
		t.Run(name, func(t *testing.T) {
			body := sent(t, u)
			if got := plan.RequestBytes(u); got != len(body) {
				t.Errorf("RequestBytes = %d, %d bytes were sent: %s", got, len(body), body)
			}
		})
	}
}

func TestNilAndEmptyDiffer(t *testing.T) {
	for name, want := range map[string]string{
		"nothing":            `{"RevisionId":"R"}`,
		"no layers left":     `{"Layers":[],"RevisionId":"R"}`,
		"nil layers left":    `{"Layers":[],"RevisionId":"R"}`,
		"no variables left":  `{"Environment":{"Variables":{}},"RevisionId":"R"}`,
		"nil variables left": `{"Environment":{"Variables":{}},"RevisionId":"R"}`,
		"handler":            `{"Handler":"twistlock.handler","RevisionId":"R"}`,
	} {
		t.Run(name, func(t *testing.T) {
			u := updates()[name]
			u.RevisionID = "R"
			if got := sent(t, u); got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
		})
	}
}

func TestNoRevisionIsNotSent(t *testing.T) {
	u := updates()["handler"]
	u.RevisionID = ""
	if got, want := sent(t, u), `{"Handler":"twistlock.handler"}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestUpdateFunction(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	a := w.PutLayerVersion(home, ireland, lambdasim.LayerSpec{Name: "a"})
	b := w.PutLayerVersion(home, ireland, lambdasim.LayerSpec{Name: "b"})
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{
		Name: "fn", Runtime: "python3.13", Handler: "a.b", Layers: []string{a}, Env: map[string]string{"ONE": "1"},
	})
	r := openHome(t, w.Client(), Config{})
	f, err := r.GetFunction(t.Context(), "fn")
	if err != nil {
		t.Fatal(err)
	}
	u := autodefend.Update{Function: f.ARN, RevisionID: f.RevisionID, Layers: &[]string{b, a}, Variables: &autodefend.Variables{"ONE": "1", "TWO": "<2>"}}
	if err := r.UpdateFunction(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	state, _ := w.Function(home, ireland, "fn")
	if !cmp.Equal(state.Layers, []string{b, a}) || !cmp.Equal(state.Env, map[string]string{"ONE": "1", "TWO": "<2>"}) || state.Handler != "a.b" {
		t.Errorf("the function has layers %q, variables %q, handler %q", state.Layers, state.Env, state.Handler)
	}
	checkError(t, r.UpdateFunction(t.Context(), u), []string{"conflict", "UpdateFunctionConfiguration fn: PreconditionFailedException"})

	f, err = r.GetFunction(t.Context(), "fn")
	if err != nil {
		t.Fatal(err)
	}
	u = autodefend.Update{Function: f.ARN, RevisionID: f.RevisionID, Layers: &[]string{}, Variables: &autodefend.Variables{}}
	if err := r.UpdateFunction(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if state, _ = w.Function(home, ireland, "fn"); len(state.Layers) > 0 || len(state.Env) > 0 {
		t.Errorf("the function keeps layers %q, variables %q", state.Layers, state.Env)
	}
}

// TestLostReplyIsAConflict shows what the caller must know of: the SDK sends
// the update again, and the second one finds the revision changed.
func TestLostReplyIsAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Faults: faultOnce{"UpdateFunctionConfiguration", lambdasim.DropAfter, new(bool)}})
		w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "fn", Runtime: "python3.13", Handler: "a.b"})
		r := openHome(t, w.Client(), Config{})
		f, err := r.GetFunction(t.Context(), "fn")
		if err != nil {
			t.Fatal(err)
		}
		handler := "c.d"
		err = r.UpdateFunction(t.Context(), autodefend.Update{Function: f.ARN, RevisionID: f.RevisionID, Handler: &handler})
		if autodefend.ErrorCode(err) != autodefend.CodeConflict {
			t.Errorf("err = %v, want a conflict", err)
		}
		if state, _ := w.Function(home, ireland, "fn"); state.Handler != "c.d" {
			t.Errorf("handler = %q, want the update to be carried out", state.Handler)
		}
	})
}

// faultOnce strikes the first call of an operation.
type faultOnce struct {
	operation string
	kind      lambdasim.FaultKind
	done      *bool
}

// Inject strikes once.
func (f faultOnce) Inject(c lambdasim.Call) lambdasim.Fault {
	if c.Operation != f.operation || *f.done {
		return lambdasim.Fault{}
	}
	*f.done = true
	return lambdasim.Fault{Kind: f.kind}
}

// TestErrorsNeverQuoteVariables provokes AWS's own errors that do.
func TestErrorsNeverQuoteVariables(t *testing.T) {
	const canary = "canary-4711<&>\"quoted\"\nline"
	variables := func(size int) *autodefend.Variables {
		return &autodefend.Variables{"SECRET": canary, "FILL": strings.Repeat("canaryfill", size/10)}
	}
	t.Run("over the limit", func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "fn", Runtime: "python3.13", Handler: "a.b"})
		r := openHome(t, w.Client(), Config{})
		f, err := r.GetFunction(t.Context(), "fn")
		if err != nil {
			t.Fatal(err)
		}
		err = r.UpdateFunction(t.Context(), autodefend.Update{Function: f.ARN, RevisionID: f.RevisionID, Variables: variables(4100)})
		checkError(t, err, []string{"invalid", "UpdateFunctionConfiguration fn: InvalidParameterValueException: ", "4KB limit"})
		noCanary(t, err)
	})
	values := maps.Collect(maps.All(*variables(10)))
	for _, message := range []string{
		"quoting " + values["SECRET"] + " raw",
		fmt.Sprintf("quoting %q escaped", values["SECRET"]),
		"Value '{SECRET=" + values["SECRET"] + "}' at 'environment.variables' failed to satisfy constraint",
		"exceeded. String measured: " + values["SECRET"] + values["FILL"],
	} {
		t.Run(message[:8], func(t *testing.T) {
			header := http.Header{"X-Amzn-Errortype": {"InvalidParameterValueException"}}
			r := openThen(t, Config{}, answering(400, header, fmt.Sprintf(`{"message":%q}`, message)))
			err := r.UpdateFunction(t.Context(), autodefend.Update{Function: functionARN("fn", ""), RevisionID: "r", Variables: variables(10)})
			checkError(t, err, []string{"invalid"})
			noCanary(t, err)
		})
	}
	t.Run("network error", func(t *testing.T) {
		r := openThen(t, Config{MaxAttempts: 1}, doFunc(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("proxy choked on " + canary)
		}))
		err := r.UpdateFunction(t.Context(), autodefend.Update{Function: functionARN("fn", ""), RevisionID: "r", Variables: variables(10)})
		checkError(t, err, []string{"unavailable", "proxy choked on [value of SECRET]"})
		noCanary(t, err)
	})
}

// noCanary fails when any way of printing an error, or one it wraps, shows the
// canary.
func noCanary(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := e.Error() + fmt.Sprintf("%v %+v %#v %s %q", e, e, e, e, e) + autodefend.ErrorHint(e)
		if strings.Contains(text, "canary") {
			t.Errorf("%T shows the canary: %s", e, text)
		}
		switch e.(type) { //nolint:errorlint // each error of the chain by itself
		case *autodefend.Error, *reply:
		default:
			t.Errorf("%T is reachable from the error", e)
		}
	}
}
