package cloud

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

func TestCodeSigning(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	r := openHome(t, w.Client(), Config{})
	want := map[string]string{}
	for _, policy := range []types.CodeSigningPolicy{types.CodeSigningPolicyEnforce, types.CodeSigningPolicyWarn} {
		out, err := r.lambda.CreateCodeSigningConfig(t.Context(), &lambda.CreateCodeSigningConfigInput{
			AllowedPublishers: &types.AllowedPublishers{
				SigningProfileVersionArns: []string{"arn:aws:signer:eu-west-1:" + home + ":/signing-profiles/team/AbCdEfGh12"},
			},
			CodeSigningPolicies: &types.CodeSigningPolicies{UntrustedArtifactOnDeployment: policy},
		})
		if err != nil {
			t.Fatal(err)
		}
		name := "signed-" + string(policy)
		w.PutFunction(home, ireland, lambdasim.FunctionSpec{
			Name: name, Runtime: "python3.13", Handler: "a.b", CodeSigningConfigArn: aws.ToString(out.CodeSigningConfig.CodeSigningConfigArn),
		})
		want[functionARN(name, "").String()] = string(policy)
	}
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "unsigned", Runtime: "python3.13", Handler: "a.b"})
	got, err := r.CodeSigning(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("CodeSigning: %v (-want +got):\n%s", err, diff)
	}
	w.Deny(home, "lambda:ListFunctionsByCodeSigningConfig", "no")
	_, err = r.CodeSigning(t.Context())
	checkError(t, err, []string{"denied", "ListFunctionsByCodeSigningConfig", `"lambda:ListFunctionsByCodeSigningConfig"`})
	w.Deny(home, "lambda:ListCodeSigningConfigs", "no")
	_, err = r.CodeSigning(t.Context())
	checkError(t, err, []string{"denied", "ListCodeSigningConfigs"})
}

func TestDeniedActions(t *testing.T) {
	actions := []string{"lambda:UpdateFunctionConfiguration", "lambda:GetFunction", "tag:TagResources"}
	w := estate()
	for _, account := range []string{home, foreign} {
		w.Deny(account, "lambda:UpdateFunctionConfiguration", "SCP")
		w.Deny(account, "tag:TagResources", "no")
	}
	want := []string{"lambda:UpdateFunctionConfiguration", "tag:TagResources"}
	credentials(t)
	for name, cfg := range map[string]Config{
		"user": {},
		"role": {AssumeRoles: []AssumeRole{{ARN: "arn:aws:iam::" + foreign + ":role/guarded", ExternalID: "s3cret-id"}}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.HTTPClient = w.Client()
			regions, _, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			got, err := regions[0].DeniedActions(t.Context(), actions)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("DeniedActions: %v (-want +got):\n%s", err, diff)
			}
		})
	}
	r := openHome(t, w.Client(), Config{})
	w.Deny(home, "iam:SimulatePrincipalPolicy", "no")
	_, err := r.DeniedActions(t.Context(), actions)
	checkError(t, err, []string{"denied", "SimulatePrincipalPolicy", `"iam:SimulatePrincipalPolicy"`})
}

func TestMayBeAllowed(t *testing.T) {
	const allowed, implicit, explicit = iamtypes.PolicyEvaluationDecisionTypeAllowed,
		iamtypes.PolicyEvaluationDecisionTypeImplicitDeny, iamtypes.PolicyEvaluationDecisionTypeExplicitDeny
	specific := func(decision iamtypes.PolicyEvaluationDecisionType) []iamtypes.ResourceSpecificResult {
		return []iamtypes.ResourceSpecificResult{{EvalResourceDecision: implicit}, {EvalResourceDecision: decision}}
	}
	tests := []struct {
		name   string
		result iamtypes.EvaluationResult
		want   bool
	}{
		{"allowed", iamtypes.EvaluationResult{EvalDecision: allowed}, true},
		{"not allowed", iamtypes.EvaluationResult{EvalDecision: implicit}, false},
		{"hinges on a condition", iamtypes.EvaluationResult{EvalDecision: implicit, MissingContextValues: []string{"lambda:Layer"}}, true},
		{"denied", iamtypes.EvaluationResult{EvalDecision: explicit, MissingContextValues: []string{"lambda:Layer"}}, false},
		{"allowed on one resource", iamtypes.EvaluationResult{EvalDecision: implicit, ResourceSpecificResults: specific(allowed)}, true},
		{"allowed on none", iamtypes.EvaluationResult{EvalDecision: implicit, ResourceSpecificResults: specific(explicit)}, false},
	}
	for _, tt := range tests {
		if got := mayBeAllowed(&tt.result); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestPrincipal(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	w.AddAccount(lambdasim.Account{ID: home, Regions: []string{ireland}, Roles: []lambdasim.Role{{Name: "pathed", Path: "/a/b/"}}})
	r := openHome(t, w.Client(), Config{})
	tests := []struct {
		caller, want string
		err          []string
	}{
		{"arn:aws:iam::111111111111:user/path/u", "arn:aws:iam::111111111111:user/path/u", nil},
		{"arn:aws:iam::111111111111:" + "root", "", nil},
		{"arn:aws:sts::111111111111:assumed-role/pathed/session", "arn:aws:iam::111111111111:role/a/b/pathed", nil},
		{"arn:aws:sts::111111111111:assumed-role/unknown/session", "arn:aws:iam::111111111111:role/unknown", nil},
		{"arn:aws:sts::111111111111:federated-user/f", "", []string{"not-found", "federated-user"}},
		{"someone", "", []string{"not-found"}},
	}
	for _, tt := range tests {
		r.Caller = tt.caller
		got, err := r.principal(t.Context())
		if got != tt.want {
			t.Errorf("principal(%s) = %q, want %q", tt.caller, got, tt.want)
		}
		checkError(t, err, tt.err)
		if denied, err := r.DeniedActions(t.Context(), []string{"lambda:GetFunction"}); tt.err != nil && (err == nil || denied != nil) {
			t.Errorf("DeniedActions of %s = %v, %v", tt.caller, denied, err)
		}
	}
}

func TestEdgeRole(t *testing.T) {
	w := lambdasim.New(lambdasim.Options{})
	w.AddAccount(lambdasim.Account{ID: home, Regions: []string{ireland}, Roles: []lambdasim.Role{
		{Name: "edge", Path: "/service-role/", TrustedServices: []string{"lambda.amazonaws.com", "edgelambda.amazonaws.com"}},
		{Name: "plain", TrustedServices: []string{"lambda.amazonaws.com"}},
	}})
	r := openHome(t, w.Client(), Config{})
	prefix := "arn:aws:iam::" + home + ":role/"
	tests := []struct {
		role string
		want bool
		err  []string
	}{
		{prefix + "service-role/edge", true, nil},
		{prefix + "plain", false, nil},
		{prefix + "gone", false, []string{"not-found", "GetRole gone: NoSuchEntity"}},
		{"arn:aws:iam::" + foreign + ":role/x", false, []string{"not-found", "another account"}},
		{"edge", false, []string{"invalid", "ARN of a role"}},
	}
	for _, tt := range tests {
		got, err := r.EdgeRole(t.Context(), tt.role)
		if got != tt.want {
			t.Errorf("EdgeRole(%s) = %t", tt.role, got)
		}
		checkError(t, err, tt.err)
	}
	w.Deny(home, "iam:GetRole", "no")
	_, err := r.EdgeRole(t.Context(), prefix+"plain")
	checkError(t, err, []string{"denied", `"iam:GetRole"`})
}
