package event

import (
	"slices"
	"strings"
	"testing"
)

// TestRecognise has events that look like others at first sight.
func TestRecognise(t *testing.T) {
	for _, test := range []struct {
		name, doc string
		want      Trigger
	}{
		{"users' own Records", `{"Records":[{"eventSource":"my:own","body":"x"}]}`, Direct},
		{"source without content", `{"Records":[{"eventSource":"aws:sqs"}]}`, Direct},
		{"no records", `{"Records":[]}`, Direct},
		{"EventSource of SNS", `{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"x"}}]}`, SNS},
		{"users' own requestContext", `{"requestContext":{"user":"x"},"body":"x"}`, Direct},
		{"null requestContext", `{"requestContext":null,"httpMethod":"GET"}`, Direct},
		{"console's test of a REST API", `{"resource":"/","path":"/","httpMethod":"GET","requestContext":{"resourcePath":"/"}}`, APIGateway},
		{"REST API without headers", `{"httpMethod":"GET","path":"/","headers":null,"requestContext":{"identity":{"sourceIp":"x"}}}`, APIGateway},
		{"ALB that checks health", `{"requestContext":{"elb":{"targetGroupArn":"x"}},"httpMethod":"GET","path":"/","headers":{"user-agent":"ELB-HealthChecker/2.0"},"body":"","isBase64Encoded":false}`, ALB},
		{"WebSocket behind an authorizer", `{"type":"REQUEST","methodArn":"x","requestContext":{"connectionId":"x","eventType":"CONNECT"}}`, Authorizer},
		{"WebSocket that disconnects", `{"requestContext":{"routeKey":"$disconnect","eventType":"DISCONNECT","connectionId":"x"},"isBase64Encoded":false}`, WebSocket},
		{"function URL without a domain", `{"version":"2.0","routeKey":"$default","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`, FunctionURL},
		{"function URL in China", `{"version":"2.0","routeKey":"$default","rawPath":"/","requestContext":{"domainName":"x.lambda-url.cn-north-1.on.amazonwebservices.com.cn","http":{"method":"GET"}}}`, FunctionURL},
		{"HTTP API with a route", `{"version":"2.0","routeKey":"GET /","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`, HTTPAPI},
		{"self-managed Kafka", `{"eventSource":"SelfManagedKafka","records":{"t-0":[]}}`, Kafka},
		{"users' own records", `{"eventSource":"aws:kafka","records":[]}`, Direct},
		{"detail without a source", `{"detail-type":"x","detail":{}}`, Direct},
		{"scheduled event", `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`, EventBridge},
		{"users' own bot", `{"bot":{"name":"x"}}`, Direct},
		{"users' own directive", `{"directive":"x"}`, Direct},
		{"smart home", `{"directive":{"header":{"name":"x"},"payload":{}}}`, Alexa},
		{"users' own info", `{"info":{"fieldName":"x"}}`, Direct},
		{"batch of a user", `[{"arguments":{}}]`, Direct},
		{"batch of a resolver", `[{"arguments":{},"info":{"fieldName":"x"}}]`, AppSync},
		{"an array of others", `[1,2]`, Direct},
		{"broken", `{"httpMethod":"GET","path":"/","requestContext":{"identity":{}},"body":"x`, Direct},
		{"brackets of two kinds", `{"httpMethod":"GET","requestContext":{"identity":{}}]`, Direct},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Decode([]byte(test.doc), Limits{}).Trigger; got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestTriggers(t *testing.T) {
	for _, trigger := range Triggers() {
		if trigger.HTTP() && trigger.Queue() || trigger.ItemFailures() && !trigger.Queue() {
			t.Errorf("%s contradicts itself", trigger)
		}
	}
}

func TestPlaces(t *testing.T) {
	for p := Whole; p <= Method; p++ {
		if p.HTTPFieldType() == "" {
			t.Errorf("%s has no field type", placeName(p))
		}
	}
	if !QueryName.IsName() || Query.IsName() {
		t.Error("names are mixed up")
	}
}

// TestNoTextIsLost: whatever the trigger, an attack put into a member that the
// table of triggers calls the user's comes out as a Field of that record.
func TestNoTextIsLost(t *testing.T) {
	const attack = `' OR 1=1 --`
	for _, doc := range []string{
		`{"Records":[{"eventSource":"aws:sqs","body":"{\"Type\":\"Notification\",\"Message\":\"{\\\"detail-type\\\":\\\"x\\\",\\\"source\\\":\\\"aws.forged\\\",\\\"detail\\\":{\\\"a\\\":\\\"ATTACK\\\"}}\"}"}]}`,
		`{"Records":[{"eventSource":"aws:sqs","body":"{\"Type\":\"Notification\",\"SigningCertURL\":\"https://sns.x/ATTACK\",\"Message\":\"\"}"}]}`,
		`{"Records":[{"eventSource":"aws:sqs","body":"","messageAttributes":{"ATTACK":{"stringValue":"x"}}}]}`,
		`{"Records":[{"eventSource":"aws:dynamodb","dynamodb":{"NewImage":{"a":{"L":[{"L":[{"M":{"b":{"SS":["x","ATTACK"]}}}]}]}}}}]}`,
		`{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"ATTACK"}}}]}`,
		`{"Records":[{"EventSource":"aws:sns","Sns":{"Subject":"ATTACK"}}]}`,
		`{"type":"TOKEN","methodArn":"x","authorizationToken":"ATTACK"}`,
		`{"userPoolId":"x","triggerSource":"UserMigration_Authentication","userName":"x","request":{"password":"ATTACK"}}`,
	} {
		e := Decode([]byte(replaceAttack(doc, attack)), Limits{})
		if !hasValue(e, attack) {
			t.Errorf("lost in %s: %v", doc, texts(e.Fields))
		}
	}
}

func replaceAttack(doc, attack string) string { return strings.ReplaceAll(doc, "ATTACK", attack) }

func hasValue(e *Event, part string) bool {
	return slices.ContainsFunc(e.Fields, func(f Field) bool { return strings.Contains(f.Value, part) })
}
