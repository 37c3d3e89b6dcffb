// Package cloud is the only door to AWS: it opens the accounts and regions of
// a scope with the SDK's own credential chain, and offers for each of them the
// few calls that the fleet needs, in the dictionary's types.
//
// Every attempt of every call waits for the [Pacer], retries included. Errors
// are [autodefend.Error] values whose text and causes hold no value of a
// variable that was sent, whatever AWS quotes.
package cloud

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/autodefend/autodefend"
)

// Config says whose functions are meant and how AWS is called. The zero value
// means the caller's own account and the SDK's default region.
type Config struct {
	// Profile is a profile of the AWS configuration files; empty means
	// AWS_PROFILE or the default one.
	Profile string
	// AccessKey is used instead of what the SDK finds, when it has an ID.
	AccessKey AccessKey
	// Regions are the regions' names. ["all"] means those the account enables,
	// and none the SDK's default region.
	Regions []string
	// AssumeRoles are the roles whose accounts are meant; without any, it's the
	// caller's own account.
	AssumeRoles []AssumeRole
	// Pacer may be nil: nobody waits.
	Pacer Pacer
	// MaxAttempts is how often a call is sent at most; 0 means 8.
	MaxAttempts int
	// HTTPClient carries the requests; nil means one made for many calls to
	// few hosts. Calls that the SDK makes to find a profile's credentials don't
	// use it.
	HTTPClient HTTPClient
	// Logger gets one debug line per attempt; nil discards them.
	Logger *slog.Logger
	// MetricsWindow is how far back [Region.Observe] looks; 0 means 14 days.
	MetricsWindow time.Duration
	// UnzippedSize reads the size of the zip at a presigned address after
	// extraction; nil makes [Region.UnzippedSize] an error.
	UnzippedSize func(ctx context.Context, url string) (int64, error)
	// Jitter returns numbers in [0,1) that spread the waits between attempts;
	// nil means random ones.
	Jitter func() float64
}

// AccessKey is a user's access key, or a session's. It prints its ID only.
type AccessKey struct {
	ID, Secret string
	// SessionToken comes with temporary keys; otherwise empty.
	SessionToken string
}

// String returns the ID.
func (k AccessKey) String() string { return k.ID }

// GoString returns the ID.
func (k AccessKey) GoString() string { return k.ID }

// AssumeRole is a role in the account that is meant.
type AssumeRole struct {
	ARN string
	// ExternalID is what the role's trust policy may ask for; often empty.
	ExternalID string
	// SessionName appears in the account's CloudTrail; empty means "autodefend".
	SessionName string
}

// HTTPClient sends requests.
type HTTPClient interface {
	Do(*http.Request) (*http.Response, error)
}

// allRegions stands for every region an account enables.
const allRegions = "all"

// defaults fills in what the zero value means.
func (c Config) defaults() Config {
	if c.MaxAttempts == 0 {
		c.MaxAttempts = 8
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MetricsWindow == 0 {
		c.MetricsWindow = 14 * 24 * time.Hour
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	c.Regions = unique(c.Regions)
	return c
}

// validate finds mistakes that can be told without AWS.
func (c Config) validate() error {
	for _, name := range c.Regions {
		if name == allRegions && len(c.Regions) > 1 {
			return autodefend.Errorf(autodefend.CodeInvalid, "option --region: %q stands alone", allRegions).
				WithHint("give either --region all or the names of regions")
		}
		if name != allRegions && !autodefend.ValidRegion(name) {
			return autodefend.Errorf(autodefend.CodeInvalid, "option --region: %q isn't the name of a region", clip(name, 80)).
				WithHint("regions look like eu-west-1; --region all means every region the account enables")
		}
	}
	accounts := map[string]bool{}
	for _, role := range c.AssumeRoles {
		account, err := role.account()
		if err != nil {
			return err
		}
		if accounts[account] {
			return autodefend.Errorf(autodefend.CodeInvalid, "option --assume-role: there are two roles of account %s", account).
				WithHint("give one role for each account")
		}
		accounts[account] = true
	}
	return nil
}

// account returns the account the role is in.
func (r AssumeRole) account() (string, error) {
	parsed, err := arn.Parse(r.ARN)
	if err != nil || parsed.Service != "iam" || !autodefend.ValidAccount(parsed.AccountID) || !strings.HasPrefix(parsed.Resource, "role/") {
		return "", autodefend.Errorf(autodefend.CodeInvalid, "option --assume-role: %q isn't the ARN of a role", clip(r.ARN, 160)).
			WithHint("a role's ARN looks like arn:aws:iam::123456789012:role/NAME")
	}
	return parsed.AccountID, nil
}

// unique returns the names without repetitions, in their order.
func unique(names []string) []string {
	var once []string
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}
