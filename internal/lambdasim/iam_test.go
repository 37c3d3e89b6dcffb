package lambdasim_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestIAMRoleNamesTheServicesItTrusts(t *testing.T) {
	out, err := iam.NewFromConfig(sdkConfig(twoAccounts(), production, "us-east-1")).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("edge")})
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:iam::111111111111:role/service-role/edge"; *out.Role.Arn != want || *out.Role.Path != "/service-role/" {
		t.Errorf("got %s %s, want %s", *out.Role.Arn, *out.Role.Path, want)
	}
	text, err := url.PathUnescape(*out.Role.AssumeRolePolicyDocument)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Statement []struct{ Principal struct{ Service []string } }
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(policy.Statement) != 1 || !slices.Contains(policy.Statement[0].Principal.Service, "edgelambda.amazonaws.com") {
		t.Errorf("trust policy %s", text)
	}
}

func TestIAMRoleWithAnExternalID(t *testing.T) {
	out, err := iam.NewFromConfig(sdkConfig(twoAccounts(), staging, "us-east-1")).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("Deployer")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := url.PathUnescape(*out.Role.AssumeRolePolicyDocument)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:root"]},` +
		`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"s3cret+id"}}}]}`
	if text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestIAMNoSuchRole(t *testing.T) {
	_, err := iam.NewFromConfig(sdkConfig(twoAccounts(), staging, "us-east-1")).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("edge")})
	wantAPIError(t, err, "NoSuchEntity")
}

func TestIAMSimulatesDenials(t *testing.T) {
	w := twoAccounts()
	w.Deny(production, "lambda:UpdateFunctionConfiguration", "SCP")
	w.Deny(production, "lambda:PublishLayerVersion", "no policy allows it")
	out, err := iam.NewFromConfig(sdkConfig(w, production, "us-east-1")).SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::111111111111:role/service-role/edge"),
		ActionNames:     []string{"lambda:GetFunction", "lambda:UpdateFunctionConfiguration", "lambda:publishlayerversion"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []types.PolicyEvaluationDecisionType
	for _, r := range out.EvaluationResults {
		got = append(got, r.EvalDecision)
	}
	want := []types.PolicyEvaluationDecisionType{"allowed", "explicitDeny", "implicitDeny"}
	if !slices.Equal(got, want) || out.IsTruncated {
		t.Errorf("got %v truncated %v, want %v", got, out.IsTruncated, want)
	}
}

func TestIAMSimulationPages(t *testing.T) {
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::111111111111:user/simulated"),
		ActionNames:     []string{"lambda:GetFunction", "lambda:TagResource"},
		ResourceArns:    []string{"arn:a", "arn:b", "arn:c"},
		MaxItems:        aws.Int32(4),
	}
	pager := iam.NewSimulatePrincipalPolicyPaginator(iam.NewFromConfig(sdkConfig(twoAccounts(), production, "us-east-1")), in)
	var sizes []int
	var names []string
	for pager.HasMorePages() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.EvaluationResults))
		for _, r := range page.EvaluationResults {
			names = append(names, *r.EvalActionName+" "+*r.EvalResourceName)
		}
	}
	if !slices.Equal(sizes, []int{4, 2}) || names[3] != "lambda:TagResource arn:a" || names[5] != "lambda:TagResource arn:c" {
		t.Errorf("pages of %v: %v", sizes, names)
	}
}

func TestIAMSimulationRefusesBadInput(t *testing.T) {
	for _, tt := range []struct {
		name, principal, action string
		want                    string
	}{
		{"unknown role", "arn:aws:iam::111111111111:role/Absent", "lambda:GetFunction", "NoSuchEntity"},
		{"unknown user", "arn:aws:iam::111111111111:user/absent", "lambda:GetFunction", "NoSuchEntity"},
		{"session", "arn:aws:sts::111111111111:assumed-role/edge/run-1", "lambda:GetFunction", "InvalidInput"},
		{"root", "arn:aws:iam::111111111111:root", "lambda:GetFunction", "InvalidInput"},
		{"not an ARN", "nobody-in-particular", "lambda:GetFunction", "InvalidInput"},
		{"other account", "arn:aws:iam::222222222222:role/Open", "lambda:GetFunction", "AccessDenied"},
		{"wildcard action", "arn:aws:iam::111111111111:user/simulated", "lambda:*", "InvalidInput"},
		{"no service", "arn:aws:iam::111111111111:user/simulated", "GetFunction", "InvalidInput"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := iam.NewFromConfig(sdkConfig(twoAccounts(), production, "us-east-1")).SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
				PolicySourceArn: &tt.principal, ActionNames: []string{tt.action},
			})
			wantAPIError(t, err, tt.want)
		})
	}
}

func TestIAMDeniedItself(t *testing.T) {
	w := twoAccounts()
	w.Deny(production, "iam:GetRole", "SCP")
	_, err := iam.NewFromConfig(sdkConfig(w, production, "us-east-1")).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("edge")})
	wantAPIError(t, err, "AccessDenied")
}
