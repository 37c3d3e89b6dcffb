package access

import (
	"bufio"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestFrequentPasswordsAreRefused(t *testing.T) {
	const least = 3000
	long := 0
	for lines := bufio.NewScanner(unpacked(frequent)); lines.Scan(); {
		line := lines.Text()
		if line == "" || line != strings.ToLower(line) || strings.TrimSpace(line) != line {
			t.Fatalf("%q isn't a password in lower case", line)
		}
		if utf8.RuneCountInString(line) >= minPassword {
			long++
		}
	}
	if long < least {
		t.Errorf("the list has %d passwords that are long enough, want %d", long, least)
	}
	for _, password := range []string{"trustno1", "TrustNo1", "superman", "liverpool", "qwertyuiop", "dragon12345", "jennifer1!", "1qaz2wsx"} {
		err := checkPassword("password", password, "ann", nil, false)
		if err == nil || !strings.Contains(err.Error(), "most frequent") {
			t.Errorf("%q: %v, want it refused", password, err)
		}
	}
}

func TestPasswordsOfNamesAreRefused(t *testing.T) {
	for _, test := range []struct {
		password string
		refused  bool
	}{
		{"Prisma-Console-2026", true},
		{"autodefend-console", true},
		{"Annabel.2026", true},
		{"example-annabel", true},
		{"EXAMPLE!EXAMPLE", true},
		{"annabel knows a secret", false},
		{"4711-0815-2342", false}, // no word at all
		{"the examples of old", false},
	} {
		err := checkPassword("password", test.password, "annabel", []string{"example", "ab"}, false)
		if test.refused != (err != nil && strings.Contains(err.Error(), "names of the user")) {
			t.Errorf("%q: %v, want it refused: %v", test.password, err, test.refused)
		}
	}
}

func TestFirstPasswordsAreForATime(t *testing.T) {
	w := newWorld(t)
	set := func(u api.User, method string) {
		w.must(request{method: method, path: "/users", auth: asRoot(), body: u})
	}
	ann := api.User{AuthType: api.AuthBasic, Role: api.RoleAuditor, Username: "ann", Password: "a river of pebbles"}
	set(ann, "POST")
	w.clock.add(1000 * time.Hour)
	w.login("ann", "a river of pebbles") // without the setting it's good for ever
	w.must(request{method: "POST", path: "/settings/logon", auth: asRoot(), body: api.LogonSettings{FirstPasswordHours: 72}})

	login := request{method: "POST", path: "/authenticate", body: api.AuthenticationRequest{Username: "ann", Password: "a river of pebbles"}}
	w.refuses(login, autodefend.CodeDenied, "within 72 hours")
	if told := w.audits(api.MgmtLogin); !told[len(told)-1].Failure || told[len(told)-1].Username != "ann" || !strings.Contains(told[len(told)-1].Status, "72 hours") {
		t.Errorf("the refusal isn't audited: %+v", told[len(told)-1])
	}
	if _, err := w.who(basic("ann", "a river of pebbles")); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("Basic: %v, want %s", err, autodefend.CodeDenied)
	}
	w.login("root", rootPassword) // nobody gave him his

	ann.Password = "a desert of boulders"
	set(ann, "PUT")
	token := w.login("ann", ann.Password)
	w.must(request{
		method: "PUT", path: "/users/password", auth: bearer(token),
		body: api.UserPassword{OldPassword: ann.Password, NewPassword: "a glacier of moraines"},
	})
	w.clock.add(1000 * time.Hour)
	w.login("ann", "a glacier of moraines")

	for _, hours := range []int64{-1, api.MaxFirstPassword + 1} {
		w.refuses(request{
			method: "POST", path: "/settings/logon", auth: asRoot(), body: api.LogonSettings{FirstPasswordHours: hours},
		}, autodefend.CodeInvalid, "firstPasswordHours")
	}
}
