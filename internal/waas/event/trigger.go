package event

// Trigger is the service (and the payload format) an event comes from.
type Trigger string

// The triggers, recognised by the structure of the event.
const (
	APIGateway        Trigger = "apiGateway"        // REST API, and HTTP API with payload format 1.0
	HTTPAPI           Trigger = "httpAPI"           // HTTP API with payload format 2.0
	FunctionURL       Trigger = "functionURL"       // function URL
	ALB               Trigger = "alb"               // Application Load Balancer
	WebSocket         Trigger = "webSocket"         // API Gateway WebSocket API
	Authorizer        Trigger = "authorizer"        // Lambda authorizer of API Gateway (TOKEN, REQUEST 1.0 and 2.0, WebSocket)
	AppSync           Trigger = "appSync"           // AppSync direct resolver, single or batch
	AppSyncAuthorizer Trigger = "appSyncAuthorizer" // Lambda authorizer of AppSync
	SQS               Trigger = "sqs"
	SNS               Trigger = "sns"
	S3                Trigger = "s3"
	Kinesis           Trigger = "kinesis"
	Firehose          Trigger = "firehose"
	DynamoDB          Trigger = "dynamodb"
	Kafka             Trigger = "kafka" // MSK and self-managed
	MQ                Trigger = "mq"    // ActiveMQ and RabbitMQ
	EventBridge       Trigger = "eventBridge"
	CloudWatchLogs    Trigger = "cloudWatchLogs"
	SES               Trigger = "ses"
	Cognito           Trigger = "cognito"
	Lex               Trigger = "lex" // V1 and V2
	IoT               Trigger = "iot" // custom authorizer; rules give what they please and are direct
	Connect           Trigger = "connect"
	Config            Trigger = "config"
	CodePipeline      Trigger = "codePipeline"
	Alexa             Trigger = "alexa"  // Alexa skill or smart home directive
	Direct            Trigger = "direct" // none of the above: every text leaf and every name is a Field
)

// Triggers are all triggers, in the order of the documentation.
func Triggers() []Trigger {
	return []Trigger{
		APIGateway, HTTPAPI, FunctionURL, ALB, WebSocket, Authorizer, AppSync, AppSyncAuthorizer,
		SQS, SNS, S3, Kinesis, Firehose, DynamoDB, Kafka, MQ, EventBridge, CloudWatchLogs, SES,
		Cognito, Lex, IoT, Connect, Config, CodePipeline, Alexa, Direct,
	}
}

// HTTP says whether the function answers with a response object
// ({"statusCode": …, "headers": …, "body": …}).
func (t Trigger) HTTP() bool {
	switch t {
	case APIGateway, HTTPAPI, FunctionURL, ALB, WebSocket:
		return true
	}
	return false
}

// Queue says whether the event was delivered asynchronously or polled: nobody
// waits for an answer, and a refused event usually comes back.
func (t Trigger) Queue() bool {
	switch t {
	case SQS, SNS, S3, Kinesis, Firehose, DynamoDB, Kafka, MQ, EventBridge, CloudWatchLogs, SES, Config, CodePipeline:
		return true
	}
	return false
}

// ItemFailures says whether the function may refuse single records by answering
// {"batchItemFailures": [{"itemIdentifier": Record.ID}]}, provided that its
// event source mapping has ReportBatchItemFailures.
func (t Trigger) ItemFailures() bool {
	switch t {
	case SQS, Kinesis, DynamoDB:
		return true
	}
	return false
}
