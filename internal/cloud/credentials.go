package cloud

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// credentialsError words a failure to find credentials, or returns nil when
// err is something else. The SDK has no type for most of these, so that its
// texts have to do.
func credentialsError(what string, err error) error {
	text := err.Error()
	_, network := errors.AsType[*url.Error](err)
	denied := func(message, hint string) error {
		return &autodefend.Error{Code: autodefend.CodeDenied, Message: what + ": " + message, Hint: hint}
	}
	switch {
	case containsAny(text, "no EC2 IMDS role found", "static credentials are empty", "no valid providers in chain"):
		return denied("there are no AWS credentials",
			"log in (aws sso login), choose a profile (--profile, AWS_PROFILE), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case network:
		return nil
	case containsAny(text, "SSO session has expired", "SSO token is expired", "cached SSO token"):
		return denied("the SSO session has expired or was never started", renewHint)
	case containsAny(text, "get identity", "get credentials", "refresh cached credentials"):
		return denied("no credentials: "+clip(innermost(err).Error(), 300), "check the credential settings of the profile")
	default:
		return nil
	}
}

// containsAny reports whether the text has one of the parts in it.
func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}
