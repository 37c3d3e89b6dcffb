package consoletest

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestConsoleOnABrokenDisk fills the disk below a Console up, breaks it and makes it read-only. Who writes is asked to come
// again, who reads is served, and when the disk is well so is the Console, without a restart.
func TestConsoleOnABrokenDisk(t *testing.T) {
	for name, errno := range map[string]syscall.Errno{"full": syscall.ENOSPC, "broken": syscall.EIO, "read-only": syscall.EROFS} {
		t.Run(name, func(t *testing.T) {
			disk := mountForgetful(t)
			dir, database := filepath.Join(t.TempDir(), "data"), filepath.Join(disk.dir, "console.db")
			p := startConsole(t, dir, database)
			c := &troubled{T: t, process: p, token: p.administrator(t)}
			c.defender = p.defender(t, c.token, "orders")
			writes := c.writes()
			for _, w := range writes {
				c.want(http.StatusOK, w, w.body("before"))
			}
			disk.breakDisk(t, errno)
			for range 3 { // a connection that was given up is opened anew
				for _, w := range writes {
					c.refused(w)
				}
				c.readable(1, "before")
			}
			disk.breakDisk(t, 0)
			for _, w := range writes {
				c.want(http.StatusOK, w, w.body("during")) // it's sent again, as it was asked for
			}
			c.readable(2, "during")
			p.kill()
			c.process = startConsole(t, dir, database)
			c.readable(2, "during")
		})
	}
}

// troubled is a Console with a disk that breaks.
type troubled struct {
	*testing.T
	*process
	token, defender string
}

// write is one way to write something. Its body has a word that tells when it was written.
type write struct {
	method, path, token string
	body                func(word string) string
}

func (c *troubled) writes() []write {
	return []write{
		{"POST", "/defender/audits", c.defender, func(word string) string { return report(time.Now(), "audit-"+word) }},
		{"PUT", "/policies/runtime/serverless", c.token, func(word string) string {
			return `{"_id":"serverlessRuntime","rules":[{"name":"` + word + `","collections":[{"name":"All"}]}]}`
		}},
		{"POST", "/collections", c.token, func(word string) string { return `{"name":"` + word + `","functions":["*"]}` }},
		{"POST", "/credentials", c.token, func(word string) string {
			return `{"_id":"` + word + `","type":"aws","accountID":"AKIAEXAMPLE","secret":{"plain":"secret"}}`
		}},
		{"POST", "/authenticate", "", func(string) string { return `{"username":"admin","password":"` + adminPassword + `"}` }},
	}
}

func (c *troubled) want(status int, w write, body string) reply {
	c.Helper()
	got, err := c.call(c.Context(), w.method, "/api/v1"+w.path, w.token, body)
	if err != nil || got.status != status {
		c.Fatalf("%s %s: %d %s %v, want %d", w.method, w.path, got.status, got.body, err, status)
	}
	return got
}

// refused sends what can't be written now.
func (c *troubled) refused(w write) {
	c.Helper()
	got := c.want(http.StatusServiceUnavailable, w, w.body("during"))
	var answer struct{ Err string }
	if err := json.Unmarshal(got.body, &answer); err != nil || answer.Err == "" {
		c.Errorf("%s %s: %s, want an err", w.method, w.path, got.body)
	}
	if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || seconds < 1 {
		c.Errorf("%s %s: Retry-After: %q", w.method, w.path, got.header.Get("Retry-After"))
	}
}

// readable reads what is there: so many of each, the newest with a word, and each write with one management audit.
func (c *troubled) readable(number int, word string) {
	c.Helper()
	for path, list := range map[string]int{
		"/audits/runtime/serverless": number, "/credentials": number, "/collections": number + 1, // one comes with the Console

		"/audits/mgmt?type=rule": number, "/audits/mgmt?type=credential": number,
	} {
		var all []json.RawMessage
		if c.read(c.T, path, c.token, &all); len(all) != list {
			c.Errorf("GET %s: %d are there, want %d: %s", path, len(all), list, all)
		}
	}
	var policy struct {
		Rules []struct{ Name string }
	}
	if c.read(c.T, "/policies/runtime/serverless", c.token, &policy); len(policy.Rules) != 1 || policy.Rules[0].Name != word {
		c.Errorf("the policy is %+v, want the rule %q", policy, word)
	}
	// Requests should go on being sent here: who reads is served, and who writes is told when to come again.
	for _, path := range []string{"/healthz", "/readyz"} {
		if got, err := c.call(c.Context(), http.MethodGet, path, "", ""); err != nil || got.status != http.StatusOK {
			c.Errorf("GET %s: %d %s %v", path, got.status, got.body, err)
		}
	}
}
