package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/autodefend/autodefend"
)

// CodeSigning returns the policy, Enforce or Warn, of each function with a
// code-signing configuration, by the function's ARN. It takes a call or more
// for each configuration of the region, and none for functions without one.
func (r *Region) CodeSigning(ctx context.Context) (map[string]string, error) {
	q := request{operation: "ListCodeSigningConfigs", action: "lambda:ListCodeSigningConfigs"}
	policies := map[string]string{}
	pages := lambda.NewListCodeSigningConfigsPaginator(r.lambda, &lambda.ListCodeSigningConfigsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, q.fail(ctx, err)
		}
		for _, config := range page.CodeSigningConfigs {
			policy := "Warn" // AWS's default
			if config.CodeSigningPolicies != nil && config.CodeSigningPolicies.UntrustedArtifactOnDeployment != "" {
				policy = string(config.CodeSigningPolicies.UntrustedArtifactOnDeployment)
			}
			if err := r.signedFunctions(ctx, aws.ToString(config.CodeSigningConfigArn), policy, policies); err != nil {
				return nil, err
			}
		}
	}
	return policies, nil
}

// signedFunctions notes the policy for every function of one configuration.
func (r *Region) signedFunctions(ctx context.Context, config, policy string, policies map[string]string) error {
	q := request{operation: "ListFunctionsByCodeSigningConfig", resource: config, action: "lambda:ListFunctionsByCodeSigningConfig"}
	pages := lambda.NewListFunctionsByCodeSigningConfigPaginator(r.lambda, &lambda.ListFunctionsByCodeSigningConfigInput{
		CodeSigningConfigArn: aws.String(config),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return q.fail(ctx, err)
		}
		for _, function := range page.FunctionArns {
			policies[function] = policy
		}
	}
	return nil
}

// DeniedActions returns those of the IAM actions that the caller's policies
// don't allow, as far as IAM can tell by itself. What depends on conditions
// it can't know of isn't counted as denied. The error's code is CodeDenied
// when the caller may not ask, and CodeNotFound when the caller is no
// principal that can be asked about.
func (r *Region) DeniedActions(ctx context.Context, actions []string) ([]string, error) {
	principal, err := r.principal(ctx)
	if err != nil || principal == "" || len(actions) == 0 {
		return nil, err
	}
	q := request{operation: "SimulatePrincipalPolicy", resource: principal, action: "iam:SimulatePrincipalPolicy"}
	allowed := map[string]bool{}
	pages := iam.NewSimulatePrincipalPolicyPaginator(r.iam, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(principal), ActionNames: actions, ResourceArns: r.examples(),
	})
	for pages.HasMorePages() {
		// The answer only spares a refusal later: not worth much patience.
		page, err := pages.NextPage(ctx, func(o *iam.Options) { o.RetryMaxAttempts = openAttempts })
		if err != nil {
			return nil, q.fail(ctx, err)
		}
		for i := range page.EvaluationResults {
			result := &page.EvaluationResults[i]
			if mayBeAllowed(result) {
				allowed[strings.ToLower(aws.ToString(result.EvalActionName))] = true
			}
		}
	}
	var denied []string
	for _, action := range actions {
		if !allowed[strings.ToLower(action)] {
			denied = append(denied, action)
		}
	}
	return denied, nil
}

// mayBeAllowed reports whether an evaluation allows the action on one of the
// resources or hinges on what only a real request knows.
func mayBeAllowed(result *iamtypes.EvaluationResult) bool {
	return possible(result.EvalDecision, result.MissingContextValues) ||
		slices.ContainsFunc(result.ResourceSpecificResults, func(one iamtypes.ResourceSpecificResult) bool {
			return possible(one.EvalResourceDecision, one.MissingContextValues)
		})
}

// possible reports whether a decision leaves room for a real request.
func possible(decision iamtypes.PolicyEvaluationDecisionType, missing []string) bool {
	return decision == iamtypes.PolicyEvaluationDecisionTypeAllowed ||
		decision != iamtypes.PolicyEvaluationDecisionTypeExplicitDeny && len(missing) > 0
}

// examples are the resources an action is tried on. An action is denied when
// it is on all of them, since policies are often limited to a kind of
// resource.
func (r *Region) examples() []string {
	prefix := fmt.Sprintf("arn:%s:lambda:%s:%s:", r.Partition, r.Name, r.Account)
	return []string{"*", prefix + "function:*", prefix + "layer:*", prefix + "layer:*:1"}
}

// principal returns the ARN of the user or role behind the caller, and "" for
// an account's root, whom no policy of the account limits.
func (r *Region) principal(ctx context.Context) (string, error) {
	caller, err := arn.Parse(r.Caller)
	if err != nil {
		return "", autodefend.Errorf(autodefend.CodeNotFound, "caller %q isn't an ARN", clip(r.Caller, 160))
	}
	kind, name, _ := strings.Cut(caller.Resource, "/")
	switch {
	case caller.Resource == "root":
		return "", nil
	case kind == "user" || kind == "role":
		return r.Caller, nil
	case kind != "assumed-role":
		return "", autodefend.Errorf(autodefend.CodeNotFound, "the caller is a %s, whose policies can't be looked up", clip(kind, 40))
	}
	name, _, _ = strings.Cut(name, "/")
	// A session's ARN leaves out the path of its role.
	out, err := r.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if err == nil && out.Role != nil {
		return aws.ToString(out.Role.Arn), nil
	}
	if ctx.Err() != nil {
		return "", request{operation: "GetRole", resource: name}.fail(ctx, ctx.Err())
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", caller.Partition, caller.AccountID, name), nil
}

// EdgeRole reports whether Lambda@Edge may assume the execution role, given by
// its ARN. The error's code is CodeNotFound for a role of another account.
func (r *Region) EdgeRole(ctx context.Context, role string) (bool, error) {
	parsed, err := arn.Parse(role)
	if err != nil || parsed.Service != "iam" || !strings.HasPrefix(parsed.Resource, "role/") {
		return false, autodefend.Errorf(autodefend.CodeInvalid, "%q isn't the ARN of a role", clip(role, 160))
	}
	if parsed.AccountID != r.Account {
		return false, autodefend.Errorf(autodefend.CodeNotFound, "role %s is of another account", role)
	}
	name := parsed.Resource[strings.LastIndexByte(parsed.Resource, '/')+1:]
	q := request{operation: "GetRole", resource: name, action: "iam:GetRole"}
	out, err := r.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return false, q.fail(ctx, err)
	}
	if out.Role == nil {
		return false, autodefend.Errorf(autodefend.CodeUnavailable, "%s: the answer has no role", q.what())
	}
	trusted, err := trustsEdge(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err != nil {
		return false, autodefend.Errorf(autodefend.CodeUnavailable, "%s: read trust policy: %v", q.what(), err)
	}
	return trusted, nil
}
