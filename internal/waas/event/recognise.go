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
	if rc == nil {
		return ""
	}
	switch {
	case isObject(rc.get("elb")) && root.has("httpMethod"):
		return ALB
	case kind == "REQUEST" && (root.has("methodArn") || root.has("routeArn")):
		return Authorizer
	case isObject(rc.get("http")) && (root.has("rawPath") || root.plain("version") == "2.0"):
		return payload2(root, rc)
	case rc.has("connectionId") && (rc.has("eventType") || rc.has("routeKey")):
		return WebSocket
	case root.has("httpMethod") && (isObject(rc.get("identity")) || root.has("resource") || rc.has("resourcePath")):
		return APIGateway
	case root.has("authorizationToken") && rc.has("queryString"):
		return AppSyncAuthorizer
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
		record := open(first(raw))
		source := record.plain("eventSource")
		if source == "" {
			source = record.plain("EventSource")
		}
		switch {
		case source == "aws:sqs" && record.has("body"):
			return SQS
		case source == "aws:sns" && isObject(record.get("Sns")):
			return SNS
		case source == "aws:s3" && isObject(record.get("s3")):
			return S3
		case source == "aws:kinesis" && isObject(record.get("kinesis")):
			return Kinesis
		case source == "aws:dynamodb" && isObject(record.get("dynamodb")):
			return DynamoDB
		case source == "aws:ses" && isObject(record.get("ses")):
			return SES
		}
		return ""
	}
	if raw := root.get("records"); isArray(raw) && root.has("invocationId") && open(first(raw)).has("data") {
		return Firehose
	}
	source := root.plain("eventSource")
	switch {
	case (source == "aws:kafka" || source == "SelfManagedKafka" || source == "aws:SelfManagedKafka") && isObject(root.get("records")):
		return Kafka
	case source == "aws:amq" && isArray(root.get("messages")),
		source == "aws:rmq" && isObject(root.get("rmqMessagesByQueue")):
		return MQ
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
	request := root.within("request")
	switch {
	case isObject(root.get("bot")) && (root.has("currentIntent") || root.has("sessionState") || root.has("inputTranscript")):
		return Lex
	case isObject(root.get("protocolData")) && (root.has("protocols") || root.has("connectionMetadata") || root.has("signatureVerified")):
		return IoT
	case root.plain("Name") == "ContactFlowEvent" && isObject(root.get("Details")):
		return Connect
	case isObject(root.within("directive").get("header")):
		return Alexa
	case request.has("type") && request.has("requestId") && (root.has("session") || root.has("context")) && root.has("version"):
		return Alexa
	}
	return ""
}
