package cloud

import (
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// renewHint tells how to get fresh credentials.
const renewHint = "renew the credentials, for example with: aws sso login"

// hintOf says what to do about an answer. The action is the one the call is
// known to need; AWS's message may name another.
func hintOf(code autodefend.Code, a answer, action, message string) string {
	switch {
	case code == autodefend.CodeThrottled:
		return "lower --rate, or wait: the quota is shared with the account's own deployments"
	case a.expired():
		return renewHint
	case a.unknownKey():
		return "check the credentials, and that the account enables the region"
	case a.code == "KMSAccessDeniedException":
		return "the caller needs kms:Decrypt, kms:Encrypt and kms:CreateGrant on the function's key: " +
			plan.Statement([]string{"kms:Decrypt", "kms:Encrypt", "kms:CreateGrant"})
	case a.denied():
		return deniedHint(action, message)
	case code == autodefend.CodeUnavailable:
		return "AWS failed; the AWS Health Dashboard tells of troubles it knows of"
	default:
		return ""
	}
}

// deniedHint names the statement to add or who forbids it.
func deniedHint(action, message string) string {
	if named := wordAfter(message, "not authorized to perform: "); named != "" {
		action = named
	}
	_, denier, explicit := strings.Cut(message, "with an explicit deny in a")
	switch {
	case explicit && strings.Contains(denier, "service control policy"), explicit && strings.Contains(denier, "resource control policy"):
		return "a policy of the AWS organisation forbids " + action + " in this account; only the organisation's administrators can allow it"
	case explicit:
		return "a policy denies " + action + " explicitly; an allowing statement doesn't outweigh it:" + strings.TrimPrefix(clip(denier, 120), "n")
	case action == "":
		return "the caller lacks a permission"
	default:
		return "add this statement to the caller's policy: " + plan.Statement([]string{action})
	}
}

// wordAfter returns the word that follows a phrase, or "".
func wordAfter(text, phrase string) string {
	_, rest, found := strings.Cut(text, phrase)
	if !found {
		return ""
	}
	word, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return strings.TrimRight(word, ".,;")
}
