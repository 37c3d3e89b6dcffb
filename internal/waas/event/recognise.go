package event

import "strings"

// recognise tells the trigger of an event by its structure: never by one member
// alone, as users' own events have members of the same names.
func recognise(root object) Trigger {
	if len(root) == 0 || len(root) == maxMembers {
		return Direct
	}
	for _, judge := range [...]func(object) Trigger{
		recogniseRequest, recogniseBatch, recogniseGraphQL, recogniseNotice, recogniseTalk,
	} {
		if t := judge(root); t != "" {
			return t
		}
	}
	return Direct
}

// recogniseRequest knows what comes over HTTP: all of it has a request context,
// or is the TOKEN form of an authorizer.
func recogniseRequest(root object) Trigger {
	kind := root.plain("type")
	if kind == "TOKEN" && root.has("authorizationToken") && root.has("methodArn") {
		return Authorizer
	}
	rc := root.within("requestContext")
	switch {
	case rc == nil:
		return ""
	case kind == "REQUEST" && (root.has("methodArn") || root.has("routeArn")):
		return Authorizer
	case root.has("authorizationToken") && rc.has("queryString"):
		return AppSyncAuthorizer
	}
	return recogniseHTTP(root, rc)
}

// recogniseHTTP tells those that wait for a response object.
func recogniseHTTP(root, rc object) Trigger {
	switch {
	case isObject(rc.get("elb")) && root.has("httpMethod"):
		return ALB
	case isObject(rc.get("http")) && (root.has("rawPath") || root.plain("version") == "2.0"):
		return payload2(root, rc)
	case rc.has("connectionId") && (rc.has("eventType") || rc.has("routeKey")):
		return WebSocket
	case root.has("httpMethod") && (isObject(rc.get("identity")) || root.has("resource") || rc.has("resourcePath")):
		return APIGateway
	}
	return ""
}

// payload2 tells a function URL from an HTTP API. The latter decodes the path, so
// they must not be mixed up.
func payload2(root, rc object) Trigger {
	domain := rc.plain("domainName")
	key := root.plain("routeKey")
	if key == "" {
		key = rc.plain("routeKey")
	}
	switch {
	case strings.Contains(domain, ".lambda-url."):
		return FunctionURL
	case domain != "", key != "" && key != "$default":
		return HTTPAPI
	}
	return FunctionURL
}

// recogniseBatch knows what comes in records.
func recogniseBatch(root object) Trigger {
	if raw := root.get("Records"); isArray(raw) {
		return recogniseRecord(open(first(raw)))
	}
	records := root.get("records")
	if isArray(records) && root.has("invocationId") && open(first(records)).has("data") {
		return Firehose
	}
	switch root.plain("eventSource") {
	case "aws:kafka", "SelfManagedKafka", "aws:SelfManagedKafka":
		if isObject(records) {
			return Kafka
		}
	case "aws:mq", "aws:amq": // AWS's guide has both
		if isArray(root.get("messages")) {
			return MQ
		}
	case "aws:rmq":
		if isObject(root.get("rmqMessagesByQueue")) {
			return MQ
		}
	}
	return ""
}

// recogniseRecord tells the source of a record, which must have what that
// source's records have.
func recogniseRecord(record object) Trigger {
	source := record.plain("eventSource")
	if source == "" {
		source = record.plain("EventSource")
	}
	for _, r := range [...]struct {
		source, content string
		trigger         Trigger
	}{
		{"aws:sqs", "body", SQS},
		{"aws:sns", "Sns", SNS},
		{"aws:s3", "s3", S3},
		{"aws:kinesis", "kinesis", Kinesis},
		{"aws:dynamodb", "dynamodb", DynamoDB},
		{"aws:ses", "ses", SES},
	} {
		if source == r.source && record.get(r.content) != "" {
			return r.trigger
		}
	}
	return ""
}

// recogniseGraphQL knows the context of an AppSync resolver.
func recogniseGraphQL(root object) Trigger {
	info := root.within("info")
	if info.has("fieldName") && (root.has("arguments") || root.has("request")) {
		return AppSync
	}
	return ""
}

// recogniseNotice knows what services say about themselves.
func recogniseNotice(root object) Trigger {
	switch {
	case root.within("awslogs").has("data"):
		return CloudWatchLogs
	case root.has("detail-type") && root.has("detail") && root.has("source"):
		return EventBridge
	case root.has("triggerSource") && root.has("userPoolId") && isObject(root.get("request")):
		return Cognito
	case root.has("invokingEvent") && (root.has("configRuleName") || root.has("configRuleArn") || root.has("ruleParameters")):
		return Config
	case isObject(root.within("CodePipeline.job").get("data")):
		return CodePipeline
	}
	return ""
}

// recogniseTalk knows what people say or type, and devices.
func recogniseTalk(root object) Trigger {
	switch {
	case isObject(root.get("bot")) && (root.has("currentIntent") || root.has("sessionState") || root.has("inputTranscript")):
		return Lex
	case isObject(root.get("protocolData")) && (root.has("protocols") || root.has("connectionMetadata") || root.has("signatureVerified")):
		return IoT
	case root.plain("Name") == "ContactFlowEvent" && isObject(root.get("Details")):
		return Connect
	case isAlexa(root):
		return Alexa
	}
	return ""
}

// isAlexa knows the directive of a smart home and the request of a skill.
func isAlexa(root object) bool {
	if isObject(root.within("directive").get("header")) {
		return true
	}
	request := root.within("request")
	return request.has("type") && request.has("requestId") && root.has("version") && (root.has("session") || root.has("context"))
}
