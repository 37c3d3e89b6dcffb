package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	static "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/autodefend/autodefend"
)

const (
	// openedAtOnce is how many accounts are opened at the same time.
	openedAtOnce = 16
	// openAttempts is how often the calls of Open are sent at most: a wrong
	// address or a missing network should be told soon.
	openAttempts = 3
	// attemptTimeout bounds one attempt of a call with its body.
	attemptTimeout = 2 * time.Minute
	// keptConnections is how many idle connections are kept to one host; the
	// fleet works on so many functions at a time.
	keptConnections = 64
)

// identity is who calls.
type identity struct {
	account, partition, arn string
}

// Open resolves credentials and regions and returns the regions of all
// accounts that could be opened, sorted by account and name. What couldn't be
// opened is in the list of errors. When nothing could be, or what was asked
// for makes no sense, that's the error.
func Open(ctx context.Context, cfg Config) ([]*Region, []autodefend.ScopeError, error) {
	if err := cfg.validate(); err != nil {
		return nil, nil, err
	}
	cfg = cfg.defaults()
	base, err := load(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	roles := cfg.AssumeRoles
	if len(roles) == 0 {
		roles = []AssumeRole{{}}
	}
	opened := make([]opening, len(roles))
	var running sync.WaitGroup
	slots := make(chan struct{}, openedAtOnce)
	for i, role := range roles {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			opened[i] = open(ctx, cfg, base, role)
		})
	}
	running.Wait()
	return gather(opened)
}

// opening is the outcome of opening one account.
type opening struct {
	account string
	regions []*Region
	// errs are the account's failures; a region may fail by itself.
	errs []scopedError
	// mistake is an error of what was asked for, which ends it all.
	mistake error
}

// scopedError is an error of one region, or of the account when region is "".
type scopedError struct {
	region string
	err    error
}

// gather puts together what was opened.
func gather(opened []opening) ([]*Region, []autodefend.ScopeError, error) {
	var (
		regions []*Region
		scopes  []autodefend.ScopeError
		errs    []error
	)
	for _, o := range opened {
		if o.mistake != nil {
			return nil, nil, o.mistake
		}
		regions = append(regions, o.regions...)
		for _, e := range o.errs {
			scopes = append(scopes, autodefend.ScopeErrorOf(o.account, e.region, e.err))
			errs = append(errs, e.err)
		}
	}
	if len(regions) == 0 {
		return nil, scopes, nothingOpened(errs)
	}
	slices.SortFunc(regions, func(a, b *Region) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Name, b.Name))
	})
	return regions, scopes, nil
}

// nothingOpened is the error of a scope of which nothing could be opened. The
// first failure speaks for all: mostly they are one.
func nothingOpened(errs []error) error {
	e, ok := errors.AsType[*autodefend.Error](errs[0])
	if !ok || len(errs) == 1 {
		return errs[0]
	}
	all := *e
	all.Message = fmt.Sprintf("none of %d accounts or regions could be opened: %s", len(errs), e.Message)
	return &all
}

// load reads the SDK's configuration and makes what all clients share.
func load(ctx context.Context, cfg Config) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTimeout(attemptTimeout).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 4*keptConnections, keptConnections
		})
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithAppID("autodefend"),
		config.WithLogger(logging.LoggerFunc(func(_ logging.Classification, format string, _ ...any) {
			// The arguments may hold what AWS sent.
			cfg.Logger.Debug("AWS SDK", "format", format)
		})),
	}
	if cfg.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(cfg.Profile))
	}
	if key := cfg.AccessKey; key.ID != "" {
		options = append(options, config.WithCredentialsProvider(static.NewStaticCredentialsProvider(key.ID, key.Secret, key.SessionToken)))
	}
	base, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, configError(err)
	}
	// These two are no options, since options are also used to find credentials:
	// there, patience would only delay the news that there are none, and the SDK
	// refuses foreign clients beside AWS_CA_BUNDLE.
	base.Retryer = newRetryer(cfg.MaxAttempts, cfg.Jitter)
	if cfg.HTTPClient != nil {
		base.HTTPClient = cfg.HTTPClient
	}
	if base.Region == "" && len(cfg.Regions) == 0 {
		return aws.Config{}, autodefend.Errorf(autodefend.CodeInvalid, "no region: neither an option nor the AWS configuration names one").
			WithHint("give --region eu-west-1, --region all, or set AWS_REGION")
	}
	return base, nil
}

// configError words a failure to read the AWS configuration files.
func configError(err error) error {
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --profile: the AWS configuration has no profile %q", clip(missing.Profile, 80)).
			WithHint("aws configure list-profiles lists the profiles")
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "read AWS configuration: %s", clip(innermost(err).Error(), 300)).
		WithHint("check ~/.aws/config, ~/.aws/credentials and the AWS_ variables")
}

// open opens one account: the caller's own, or the one of the role.
func open(ctx context.Context, cfg Config, base aws.Config, role AssumeRole) opening {
	account, _ := role.account() // "" for the caller's own
	failed := func(err error) opening {
		return opening{account: account, errs: []scopedError{{err: err}}}
	}
	base = base.Copy()
	if base.Region == "" {
		base.Region = firstRegion(cfg, role)
	}
	if role.ARN != "" {
		base.Credentials = aws.NewCredentialsCache(assume(base, role), func(o *aws.CredentialsCacheOptions) {
			o.ExpiryWindow = 5 * time.Minute
		})
	}
	who, err := identify(ctx, base, cfg.Profile, role)
	if err != nil {
		return failed(err)
	}
	account = who.account
	names, errs, mistake := chooseRegions(ctx, cfg, base, who)
	o := opening{account: account, errs: errs, mistake: mistake}
	for _, name := range names {
		o.regions = append(o.regions, newRegion(cfg, base, who, name))
	}
	return o
}

// firstRegion returns a region to ask for identities and regions when the
// AWS configuration names none.
func firstRegion(cfg Config, role AssumeRole) string {
	if len(cfg.Regions) > 0 && cfg.Regions[0] != allRegions {
		return cfg.Regions[0]
	}
	parsed, err := arn.Parse(role.ARN)
	if err != nil {
		return "us-east-1"
	}
	switch parsed.Partition {
	case "aws-us-gov":
		return "us-gov-west-1"
	case "aws-cn":
		return "cn-north-1"
	default:
		return "us-east-1"
	}
}

// assume provides the credentials of a role.
func assume(base aws.Config, role AssumeRole) aws.CredentialsProvider {
	client := sts.NewFromConfig(base, func(o *sts.Options) { o.RetryMaxAttempts = openAttempts })
	return stscreds.NewAssumeRoleProvider(client, role.ARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = cmp.Or(role.SessionName, "autodefend")
		o.ExternalID = optional(role.ExternalID)
	})
}

// identify finds out who calls, and so whether the credentials work.
func identify(ctx context.Context, base aws.Config, profile string, role AssumeRole) (identity, error) {
	if err := retrieve(ctx, base, profile, role); err != nil {
		return identity{}, err
	}
	q := request{operation: "GetCallerIdentity", action: "sts:GetCallerIdentity"}
	client := sts.NewFromConfig(base, func(o *sts.Options) { o.RetryMaxAttempts = openAttempts })
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return identity{}, naming(q.fail(ctx, err), profile)
	}
	parsed, err := arn.Parse(aws.ToString(out.Arn))
	if err != nil || !autodefend.ValidAccount(aws.ToString(out.Account)) {
		return identity{}, autodefend.Errorf(autodefend.CodeUnavailable, "GetCallerIdentity: the answer has no identity").
			WithHint("check AWS_ENDPOINT_URL: it may not be an AWS endpoint")
	}
	return identity{account: aws.ToString(out.Account), partition: parsed.Partition, arn: aws.ToString(out.Arn)}, nil
}

// retrieve gets credentials, to tell a failure of that from one of the call.
func retrieve(ctx context.Context, base aws.Config, profile string, role AssumeRole) error {
	if base.Credentials == nil {
		return nil
	}
	_, err := base.Credentials.Retrieve(ctx)
	switch {
	case err == nil:
		return nil
	case role.ARN == "":
		return naming(request{operation: "find credentials"}.fail(ctx, err), profile)
	}
	failure := request{operation: "AssumeRole", resource: role.ARN, action: "sts:AssumeRole"}.fail(ctx, err)
	if e, ok := errors.AsType[*autodefend.Error](failure); ok && answerOf(err).denied() {
		return e.WithHint("the role's trust policy must name the caller, and the external id must be the one it asks for; %s", e.Hint)
	}
	return naming(failure, profile)
}

// naming adds the profile to the message of an error.
func naming(err error, profile string) error {
	e, ok := errors.AsType[*autodefend.Error](err)
	if !ok || profile == "" {
		return err
	}
	named := *e
	named.Message = "profile " + profile + ": " + e.Message
	return &named
}
