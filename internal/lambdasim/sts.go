package lambdasim

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	// maxRoleSession is the MaxSessionDuration that IAM gives a new role.
	maxRoleSession = time.Hour
	// sessionNamePattern is AWS's pattern for RoleSessionName.
	sessionNamePattern = `[\w+=,.@-]*`
)

// stsService returns the operations of STS. Every region answers.
func stsService() service {
	return service{
		name:        "sts",
		global:      true,
		renderError: renderQuery(stsNamespace),
		operations: []operation{
			{name: "GetCallerIdentity", quota: quotaNone, handle: getCallerIdentity},
			{name: "AssumeRole", quota: quotaNone, handle: assumeRole, resource: func(c *call) string { return c.form.Get("RoleArn") }},
			{name: "GetSessionToken", quota: quotaNone, handle: getSessionToken},
		},
	}
}

// getCallerIdentity answers who the caller is; AWS refuses it to nobody.
func getCallerIdentity(_ *World, c *call) (reply, error) {
	return queryReply(c, stsNamespace, struct{ Arn, UserId, Account string }{
		Arn: c.principal, UserId: principalID(c.principal), Account: c.account.spec.ID,
	})
}

// credentials are temporary keys as STS writes them.
type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

// assumeRole hands out a session of a role that trusts the caller's account and
// whose external id, when it has one, was presented.
func assumeRole(w *World, c *call) (reply, error) {
	sessionName, lifetime, err := assumeRoleInput(c)
	if err != nil {
		return reply{}, err
	}
	roleARN := c.form.Get("RoleArn")
	target, role := w.roleByARN(roleARN)
	if role == nil || !role.trusts(c.account.spec.ID) || role.ExternalID != "" && role.ExternalID != c.form.Get("ExternalId") {
		return reply{}, newError(http.StatusForbidden, "AccessDenied",
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.principal, roleARN)
	}
	if lifetime > maxRoleSession {
		return reply{}, newError(http.StatusBadRequest, "ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	arn := fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", target.partition(), target.spec.ID, role.Name, sessionName)
	type assumedRoleUser struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	return queryReply(c, stsNamespace, struct {
		AssumedRoleUser assumedRoleUser
		Credentials     credentials
	}{
		AssumedRoleUser: assumedRoleUser{AssumedRoleID: principalID(arn), Arn: arn},
		Credentials:     w.newSession(target, arn, c.now.Add(lifetime)),
	})
}

// assumeRoleInput checks AssumeRole's parameters and returns the session's name
// and how long it lives.
func assumeRoleInput(c *call) (string, time.Duration, error) {
	for _, required := range []string{"RoleArn", "RoleSessionName"} {
		if !c.form.Has(required) {
			return "", 0, missingMember(required)
		}
	}
	roleARN, name := c.form.Get("RoleArn"), c.form.Get("RoleSessionName")
	if len(roleARN) < 20 {
		return "", 0, invalidMember(roleARN, "RoleArn", "Member must have length greater than or equal to 20")
	}
	if !strings.HasPrefix(roleARN, "arn:") {
		return "", 0, newError(http.StatusBadRequest, "ValidationError", "%s is invalid", roleARN)
	}
	if len(name) < 2 {
		return "", 0, invalidMember(name, "RoleSessionName", "Member must have length greater than or equal to 2")
	}
	if len(name) > 64 {
		return "", 0, invalidMember(name, "RoleSessionName", "Member must have length less than or equal to 64")
	}
	if !fullMatch(sessionNamePattern, name) {
		return "", 0, invalidMember(name, "RoleSessionName", "Member must satisfy regular expression pattern: "+sessionNamePattern)
	}
	seconds, err := formInt(c.form, "DurationSeconds", 3600, 900, 43200)
	if err != nil {
		return "", 0, err
	}
	return name, time.Duration(seconds) * time.Second, nil
}

// getSessionToken hands out a session of the caller itself.
func getSessionToken(w *World, c *call) (reply, error) {
	if strings.Contains(c.principal, ":assumed-role/") {
		return reply{}, newError(http.StatusForbidden, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
	seconds, err := formInt(c.form, "DurationSeconds", 43200, 900, 129600)
	if err != nil {
		return reply{}, err
	}
	return queryReply(c, stsNamespace, struct{ Credentials credentials }{
		w.newSession(c.account, c.principal, c.now.Add(time.Duration(seconds)*time.Second)),
	})
}

// newSession makes credentials for the principal and remembers them.
// Preconditions: World.mu is held.
func (w *World) newSession(a *account, arn string, expires time.Time) credentials {
	w.services.sessions++
	digest := sha256.Sum256(fmt.Appendf(binary.BigEndian.AppendUint64(nil, w.opts.Seed), "%d %s", w.services.sessions, arn))
	// Letters only: an access key with twelve digits would name an account.
	letters := base32.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef").WithPadding(base32.NoPadding)
	key := "ASIA" + strings.ToUpper(letters.EncodeToString(digest[:10]))
	w.sessions[key] = session{account: a, arn: arn, expires: expires}
	return credentials{
		AccessKeyID:     key,
		SecretAccessKey: base64.StdEncoding.EncodeToString(digest[:30]),
		SessionToken:    base64.StdEncoding.EncodeToString(fmt.Appendf(digest[:], "/session/%s", key)),
		Expiration:      expires.UTC().Format(time.RFC3339),
	}
}

// roleByARN finds a role of any account, and that account.
// Preconditions: World.mu is held.
func (w *World) roleByARN(arn string) (*account, *Role) {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) != 6 || fields[2] != "iam" {
		return nil, nil
	}
	a := w.accounts[fields[4]]
	if a == nil {
		return nil, nil
	}
	for i := range a.spec.Roles {
		if a.roleARN(&a.spec.Roles[i]) == arn {
			return a, &a.spec.Roles[i]
		}
	}
	return nil, nil
}

// roleARN returns the ARN of one of the account's roles.
func (a *account) roleARN(r *Role) string {
	return fmt.Sprintf("arn:%s:iam::%s:role%s%s", a.partition(), a.spec.ID, r.path(), r.Name)
}

// path returns the role's path, which starts and ends with a slash.
func (r *Role) path() string {
	if r.Path == "" {
		return "/"
	}
	return r.Path
}

// trusts reports whether the role's trust policy names the account.
func (r *Role) trusts(accountID string) bool {
	return slices.Contains(r.TrustedAccounts, accountID)
}

// principalID returns the stable unique id that IAM gives a principal; sessions
// carry their name behind the role's.
func principalID(arn string) string {
	if head, sessionName, ok := cutLast(arn, "/"); ok && strings.Contains(arn, ":assumed-role/") {
		return uniqueID("AROA", head) + ":" + sessionName
	}
	return uniqueID("AIDA", arn)
}

// uniqueID returns an id of IAM's shape that depends on the name alone.
func uniqueID(prefix, name string) string {
	digest := sha256.Sum256([]byte(name))
	return prefix + base32.StdEncoding.EncodeToString(digest[:])[:17]
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (string, string, bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
