package lambdasim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// These tests let other people's clients judge the wire: boto3 and the aws
// command line, over a socket. They are skipped by name where the client isn't
// installed.

// servedWorld serves two accounts with 120 functions in production and returns
// the environment that leads a client there.
func servedWorld(t *testing.T) []string {
	t.Helper()
	w := twoAccounts()
	for i := range 120 {
		w.PutFunction(production, "us-east-1", lambdasim.FunctionSpec{
			Name: fmt.Sprintf("worker-%03d", i), Runtime: "python3.13", Handler: "app.handler",
			Role: "arn:aws:iam::" + production + ":role/service-role/edge",
			Env:  map[string]string{"STAGE": "live & <well>"},
			Tags: map[string]string{"team": "data"},
		})
	}
	w.SetObserved(production, "us-east-1", "worker-001", lambdasim.Observed{Invocations: 42, DurationP99Millis: 12.5})
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	environment := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return append(environment,
		"AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=AKIASIM"+production, "AWS_SECRET_ACCESS_KEY=x",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "HOME="+t.TempDir(),
		"NO_PROXY=127.0.0.1",
	)
}

// runClient runs a program and returns what it prints; it must end well when
// ok, and fail otherwise.
func runClient(t *testing.T, ok bool, env []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if (err == nil) != ok {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// requireAWS skips the test loudly where the aws command line is missing.
func requireAWS(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: the aws command line takes seconds a call (-short)")
	}
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("SKIPPED: the aws command line (aws) is not installed, so its view of the simulator was not tested")
	}
}

// requireBoto3 skips the test loudly where boto3 is missing.
func requireBoto3(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: boto3 takes seconds to start (-short)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := exec.CommandContext(ctx, "python3", "-c", "import boto3").Run(); err != nil {
		t.Skip("SKIPPED: boto3 (python3 -m pip install boto3) is not installed, so its view of the simulator was not tested")
	}
}

func TestAWSCommandLine(t *testing.T) {
	requireAWS(t)
	env := servedWorld(t)
	aws := func(out any, args ...string) {
		t.Helper()
		text := runClient(t, true, env, "aws", append(args, "--output", "json")...)
		if err := json.Unmarshal([]byte(text), out); err != nil {
			t.Fatalf("aws %s: %v in %s", strings.Join(args, " "), err, text)
		}
	}

	var list struct {
		Functions []struct{ FunctionName, RevisionId string }
	}
	aws(&list, "lambda", "list-functions")
	if len(list.Functions) != 120 || list.Functions[119].FunctionName != "worker-119" {
		t.Errorf("list-functions: %d functions", len(list.Functions))
	}
	var page struct {
		Functions []struct{ FunctionName string }
		NextToken string
	}
	aws(&page, "lambda", "list-functions", "--max-items", "7")
	if len(page.Functions) != 7 || page.NextToken == "" {
		t.Errorf("list-functions --max-items 7: %d functions, token %q", len(page.Functions), page.NextToken)
	}
	var function struct {
		Configuration struct {
			State, RevisionId string
			Environment       struct{ Variables map[string]string }
		}
		Tags map[string]string
	}
	aws(&function, "lambda", "get-function", "--function-name", "worker-007")
	if function.Configuration.State != "Active" || function.Configuration.Environment.Variables["STAGE"] != "live & <well>" || function.Tags["team"] != "data" {
		t.Errorf("get-function: %+v", function)
	}
	refused := runClient(t, false, env, "aws", "lambda", "update-function-configuration",
		"--function-name", "worker-007", "--memory-size", "512", "--revision-id", "00000000-0000-4000-8000-000000000000")
	if !strings.Contains(refused, "PreconditionFailedException") {
		t.Errorf("update with a stale revision: %s", refused)
	}
	var identity struct{ Account, Arn string }
	aws(&identity, "sts", "get-caller-identity")
	if identity.Account != production {
		t.Errorf("get-caller-identity: %+v", identity)
	}
	var regions struct {
		Regions []struct{ RegionName, OptInStatus string }
	}
	aws(&regions, "ec2", "describe-regions")
	if len(regions.Regions) != 3 || regions.Regions[0].RegionName != "eu-south-1" || regions.Regions[0].OptInStatus != "opted-in" {
		t.Errorf("describe-regions: %+v", regions)
	}
}

// botoScript talks to every simulated service and prints one line of JSON.
const botoScript = `
import base64, boto3, botocore, datetime, io, json, zipfile
out = {}
lam = boto3.client("lambda")
pages = list(lam.get_paginator("list_functions").paginate())
out["pages"] = [len(p["Functions"]) for p in pages]
out["listed_state"] = "State" in pages[0]["Functions"][0]
before = lam.get_function(FunctionName="worker-007")["Configuration"]["RevisionId"]
updated = lam.update_function_configuration(FunctionName="worker-007", MemorySize=512, RevisionId=before)
out["moved"] = updated["RevisionId"] != before
lam.get_waiter("function_updated_v2").wait(FunctionName="worker-007")
out["memory"] = lam.get_function(FunctionName="worker-007")["Configuration"]["MemorySize"]
try:
    lam.update_function_configuration(FunctionName="worker-007", MemorySize=640, RevisionId=before)
except botocore.exceptions.ClientError as e:
    out["stale"] = [e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]]
content = io.BytesIO()
with zipfile.ZipFile(content, "w") as z:
    z.writestr("python/hello.py", "def hello(): pass\n")
layer = lam.publish_layer_version(LayerName="hello", Content={"ZipFile": content.getvalue()}, CompatibleRuntimes=["python3.13"])
out["layer"] = [layer["Version"], layer["Content"]["CodeSize"] == len(content.getvalue()), layer["LayerVersionArn"]]
tags = boto3.client("resourcegroupstaggingapi")
arn = "arn:aws:lambda:us-east-1:111111111111:function:worker-007"
out["failed"] = tags.tag_resources(ResourceARNList=[arn, arn + "-absent"], Tags={"SecurityProtected": "True"})["FailedResourcesMap"]
found = []
for p in tags.get_paginator("get_resources").paginate(ResourceTypeFilters=["lambda:function"], TagFilters=[{"Key": "team"}]):
    found += p["ResourceTagMappingList"]
out["resources"] = [len(found), found[7]["Tags"]]
sts = boto3.client("sts")
c = sts.assume_role(RoleArn="arn:aws:iam::222222222222:role/Deployer", RoleSessionName="boto", ExternalId="s3cret+id")["Credentials"]
other = boto3.client("sts", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
out["identity"] = [sts.get_caller_identity()["Account"], other.get_caller_identity()["Arn"]]
out["expires"] = (c["Expiration"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds() > 3000
try:
    sts.assume_role(RoleArn="arn:aws:iam::222222222222:role/Deployer", RoleSessionName="boto", ExternalId="wrong")
except botocore.exceptions.ClientError as e:
    out["untrusted"] = e.response["Error"]["Code"]
out["regions"] = [r["RegionName"] for r in boto3.client("ec2").describe_regions(Filters=[{"Name": "region-name", "Values": ["eu-*"]}])["Regions"]]
out["status"] = [r["RegionOptStatus"] for r in boto3.client("account").list_regions(RegionOptStatusContains=["ENABLED"])["Regions"]]
iam = boto3.client("iam")
out["trust"] = iam.get_role(RoleName="edge")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
out["allowed"] = iam.simulate_principal_policy(PolicySourceArn="arn:aws:iam::111111111111:role/service-role/edge", ActionNames=["lambda:GetFunction"])["EvaluationResults"][0]["EvalDecision"]
now = datetime.datetime.now(datetime.timezone.utc)
def metric(name, stat, n="m1"):
    return {"Id": n, "MetricStat": {"Metric": {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": [{"Name": "FunctionName", "Value": "worker-001"}]}, "Period": 86400, "Stat": stat}}
cw = boto3.client("cloudwatch")
data = cw.get_metric_data(MetricDataQueries=[metric("Invocations", "Sum"), metric("Duration", "p99", "m2")], StartTime=now - datetime.timedelta(days=1), EndTime=now)
out["metrics"] = [[float(v) for v in r["Values"]] for r in data["MetricDataResults"]]
try:
    cw.get_metric_data(MetricDataQueries=[metric("Errors", "Sum", "m%d" % i) for i in range(501)], StartTime=now - datetime.timedelta(days=1), EndTime=now)
except botocore.exceptions.ClientError as e:
    out["too_many"] = e.response["Error"]["Code"]
print(json.dumps(out, sort_keys=True))
`

func TestBoto3(t *testing.T) {
	requireBoto3(t)
	text := runClient(t, true, servedWorld(t), "python3", "-W", "ignore", "-c", botoScript)
	got := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	want := map[string]string{
		"pages":        `[50, 50, 20]`,
		"listed_state": `false`,
		"moved":        `true`,
		"memory":       `512`,
		"stale":        `["PreconditionFailedException", 412]`,
		"layer":        `[1, true, "arn:aws:lambda:us-east-1:111111111111:layer:hello:1"]`,
		"failed": `{"arn:aws:lambda:us-east-1:111111111111:function:worker-007-absent": {"ErrorCode": "ResourceNotFoundException", ` +
			`"ErrorMessage": "Function not found: arn:aws:lambda:us-east-1:111111111111:function:worker-007-absent", "StatusCode": 404}}`,
		"resources": `[120, [{"Key": "SecurityProtected", "Value": "True"}, {"Key": "team", "Value": "data"}]]`,
		"identity":  `["111111111111", "arn:aws:sts::222222222222:assumed-role/Deployer/boto"]`,
		"expires":   `true`,
		"untrusted": `"AccessDenied"`,
		"regions":   `["eu-south-1", "eu-west-1"]`,
		"status":    `["ENABLED"]`,
		"trust":     `["lambda.amazonaws.com", "edgelambda.amazonaws.com"]`,
		"allowed":   `"allowed"`,
		"metrics":   `[[42.0], [12.5]]`,
		"too_many":  `"ValidationError"`,
	}
	for key, value := range want {
		if string(got[key]) != value {
			t.Errorf("%s: got %s, want %s", key, got[key], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d answers, %d wanted", len(got), len(want))
	}
}
