package defend

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// ways are Consoles that answer by token and address, and remember who called.
type ways struct {
	mu     sync.Mutex
	errs   map[string]error // by "address token"
	called []string
}

// wayTo is one of them.
type wayTo struct {
	*ways
	name string
}

func (w *ways) open(c policy.Console) (Console, error) {
	if c.Address == "nonsense" {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "no address")
	}
	name := c.Address + " " + c.Token
	if c.Proxy.HTTPProxy != "" {
		name += " by " + c.Proxy.HTTPProxy
	}
	return wayTo{w, name}, nil
}

func (w wayTo) call() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.called = append(w.called, w.name)
	return w.errs[w.name]
}

func (w wayTo) PostAudits(context.Context, []autodefend.Audit) error { return w.call() }

func (w wayTo) PostFirewallAudits(context.Context, []autodefend.FirewallAudit) error { return w.call() }

func (w wayTo) Policy(_ context.Context, tag string) (string, string, error) {
	return "policy", tag, w.call()
}

func (w *ways) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	called := w.called
	w.called = nil
	return called
}

// TestLink lets policies that name tokens and addresses come to a link whose way is "a 1", and makes two requests after each.
func TestLink(t *testing.T) {
	denied := autodefend.Errorf(autodefend.CodeDenied, "who are you")
	gone := autodefend.Errorf(autodefend.CodeUnavailable, "nobody there")
	busy := autodefend.Errorf(autodefend.CodeThrottled, "come again")
	other := autodefend.Errorf(autodefend.CodeNotFound, "a web server")
	token := func(token string) policy.Console { return policy.Console{Token: token} }
	to := func(address, token string) policy.Console { return policy.Console{Address: address, Token: token} }
	proxied := to("a", "2")
	proxied.Proxy.HTTPProxy = "p"
	tests := []struct {
		name string
		errs map[string]error
		take []policy.Console
		want []string // the calls
		logs []string
	}{
		{"a new token", nil, []policy.Console{token("2")}, []string{"a 2", "a 2"}, []string{"new token"}},
		{"the same token", nil, []policy.Console{token("1"), to("a", "1")}, []string{"a 1", "a 1", "a 1", "a 1"}, nil},
		{"no token", nil, []policy.Console{to("b", "")}, []string{"a 1", "a 1"}, nil},
		{"a refused token", map[string]error{"a 2": denied}, []policy.Console{token("2")}, []string{"a 2", "a 1", "a 1"}, []string{"new token", "the old one goes on"}},
		{"a refused token that comes again", map[string]error{"a 2": denied}, []policy.Console{token("2"), token("2")}, []string{"a 2", "a 1", "a 1", "a 1", "a 1"}, []string{"new token", "the old one goes on"}},
		{"another after a refused one", map[string]error{"a 2": denied}, []policy.Console{token("2"), token("3")}, []string{"a 2", "a 1", "a 1", "a 3", "a 3"}, nil},
		{"a token that is tried while the Console is away", map[string]error{"a 2": gone}, []policy.Console{token("2")}, []string{"a 2", "a 2"}, []string{"new token"}},
		{"both refused", map[string]error{"a 1": denied, "a 2": denied}, []policy.Console{token("2")}, []string{"a 2", "a 1", "a 1"}, nil},
		{"a new address", nil, []policy.Console{to("b", "2")}, []string{"b 2", "b 2"}, []string{"new address"}},
		{"a new address, and a new token there", nil, []policy.Console{to("b", "2"), token("3")}, []string{"b 2", "b 2", "b 3", "b 3"}, nil},
		{"nobody at the new address", map[string]error{"b 2": gone}, []policy.Console{to("b", "2")}, []string{"b 2", "a 1", "a 1"}, []string{"new address", "the old connection goes on"}},
		{"something else at the new address", map[string]error{"b 2": other}, []policy.Console{to("b", "2")}, []string{"b 2", "a 1", "a 1"}, nil},
		{"not admitted at the new address", map[string]error{"b 2": denied}, []policy.Console{to("b", "2")}, []string{"b 2", "a 1", "a 1"}, nil},
		{"much to do at the new address", map[string]error{"b 2": busy}, []policy.Console{to("b", "2")}, []string{"b 2", "b 2"}, nil},
		{"an address that can't be", nil, []policy.Console{to("nonsense", "2")}, []string{"a 1", "a 1"}, []string{"the old connection stays"}},
		{"a proxy", nil, []policy.Console{proxied}, []string{"a 2 by p", "a 2 by p"}, nil},
		{"the proxy stays", nil, []policy.Console{proxied, token("3")}, []string{"a 2 by p", "a 2 by p", "a 3 by p", "a 3 by p"}, nil},
		{"the proxy goes", nil, []policy.Console{proxied, to("a", "3")}, []string{"a 2 by p", "a 2 by p", "a 3", "a 3"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			consoles := &ways{errs: tt.errs}
			var log bytes.Buffer
			l, err := newLink(consoles.open, to("a", "1"), slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range tt.take {
				l.take(c)
				_ = l.PostAudits(t.Context(), nil)
				_, _, _ = l.Policy(t.Context(), "")
			}
			if diff := cmp.Diff(tt.want, consoles.take()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
			for i, want := range tt.logs {
				if len(lines) != len(tt.logs) || !strings.Contains(lines[i], want) {
					t.Errorf("no %q in the log: %s", want, log.String())
				}
			}
			if strings.Contains(log.String(), "token=") {
				t.Errorf("a secret is in the log: %s", log.String())
			}
		})
	}
}

// TestLinkTriesBeforeItTrusts: two tokens that come one after the other, before the first was tried, lead back to the one
// that is known to work.
func TestLinkTriesBeforeItTrusts(t *testing.T) {
	denied := autodefend.Errorf(autodefend.CodeDenied, "who are you")
	consoles := &ways{errs: map[string]error{"a 2": denied, "a 3": denied}}
	l, err := newLink(consoles.open, policy.Console{Address: "a", Token: "1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.take(policy.Console{Token: "2"})
	l.take(policy.Console{Token: "3"})
	if err := l.PostAudits(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"a 3", "a 1"}, consoles.take()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestLinkForgetsWhatWasReplaced: once the Console has answered to the new token, a refusal doesn't lead back to the old one.
func TestLinkForgetsWhatWasReplaced(t *testing.T) {
	consoles := &ways{errs: map[string]error{}}
	l, err := newLink(consoles.open, policy.Console{Address: "a", Token: "1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.take(policy.Console{Token: "2"})
	if err := l.PostFirewallAudits(t.Context(), nil); err != nil {
		t.Error(err)
	}
	consoles.errs["a 2"] = autodefend.Errorf(autodefend.CodeDenied, "revoked")
	if err := l.PostAudits(t.Context(), nil); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{"a 2", "a 2"}, consoles.take()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestLinkChangesUnderWay: a request that was made with the old token, which is refused by the time it arrives, is made
// again with the new one.
func TestLinkChangesUnderWay(t *testing.T) {
	consoles := &ways{errs: map[string]error{"a 1": autodefend.Errorf(autodefend.CodeDenied, "revoked")}}
	l, err := newLink(consoles.open, policy.Console{Address: "a", Token: "1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	first := true
	err = l.call(func(c Console) error {
		if first {
			first = false
			l.take(policy.Console{Token: "2"})
		}
		return c.PostAudits(t.Context(), nil)
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"a 1", "a 2"}, consoles.take()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
