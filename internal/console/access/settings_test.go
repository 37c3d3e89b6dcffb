package access

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestLogonSettings(t *testing.T) {
	w := newWorld(t)
	get := request{method: "GET", path: "/settings/logon", auth: asRoot()}
	if diff := cmp.Diff(api.LogonSettings{SessionTimeoutSec: 1800}, w.must(get).JSON); diff != "" {
		t.Error(diff)
	}
	post := func(body string) request {
		return request{method: "POST", path: "/settings/logon", auth: asRoot(), body: body}
	}
	w.must(post(`{"sessionTimeoutSec":120,"strongPassword":true,"includeTLS":true,"useSupportCredentials":true}`))
	want := api.LogonSettings{SessionTimeoutSec: 120, StrongPassword: true, IncludeTLS: true, UseSupportCredentials: true}
	if diff := cmp.Diff(want, w.must(get).JSON); diff != "" {
		t.Error(diff)
	}
	w.refuses(request{method: "POST", path: "/users", auth: asRoot(), body: api.User{Username: "ann", Password: rootPassword, Role: "ci"}},
		autodefend.CodeInvalid, "password: needs a lower")
	token := w.login("root", rootPassword)
	w.clock.add(119 * time.Second)
	if _, err := w.who(bearer(token)); err != nil {
		t.Error(err)
	}
	w.clock.add(time.Second)
	if _, err := w.who(bearer(token)); err == nil {
		t.Error("the session outlives its time")
	}
	for body, want := range map[string]string{
		`{"sessionTimeoutSec":59}`:        "sessionTimeoutSec: is 59",
		`{"sessionTimeoutSec":86401}`:     "sessionTimeoutSec: is 86401",
		`{"sessionTimeoutSec":"1800"}`:    "sessionTimeoutSec: is a JSON string",
		`{"sessionTimeoutSec":1.5}`:       "sessionTimeoutSec: is a JSON number",
		`{"strongPassword":"yes"}`:        "strongPassword: is a JSON string",
		`{"sessionTimeoutSec":1800}trail`: "body: something follows",
	} {
		w.refuses(post(body), autodefend.CodeInvalid, want)
	}
	w.must(post(`{}`))
	if diff := cmp.Diff(api.LogonSettings{SessionTimeoutSec: 1800}, w.must(get).JSON); diff != "" {
		t.Error(diff)
	}
}
