package corpus

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
)

// message makes the event of a trigger that carries one text, as a whole.
type message struct {
	trigger string
	make    func(text string, rng *rand.Rand) any
}

// messages are the triggers whose text is a document of its own: JSON or prose.
func messages() []message {
	return []message{
		{"sqs", func(text string, rng *rand.Rand) any { return sqsEvent(rng, text, nil) }},
		{"sqs<sns", func(text string, rng *rand.Rand) any {
			return sqsEvent(rng, string(compact(snsEnvelope(rng, text))), nil)
		}},
		{"sqs<sns<eventBridge", func(text string, rng *rand.Rand) any {
			inner := compact(eventBridgeEvent(rng, object{"note": text}))
			return sqsEvent(rng, string(compact(snsEnvelope(rng, string(inner)))), nil)
		}},
		{"sns", func(text string, rng *rand.Rand) any { return snsEvent(rng, "Order update", text) }},
		{"kinesis", func(text string, rng *rand.Rand) any { return kinesisEvent(rng, []byte(text)) }},
		{"kinesis.gzip", func(text string, rng *rand.Rand) any { return kinesisEvent(rng, gzipped(text)) }},
		{"firehose", func(text string, rng *rand.Rand) any { return firehoseEvent(rng, text) }},
		{"kafka", func(text string, rng *rand.Rand) any { return kafkaEvent(rng, "key-"+hexID(rng, 6), text, "corr-1") }},
		{"mq.active", func(text string, rng *rand.Rand) any { return activeMQEvent(rng, text) }},
		{"mq.rabbit", func(text string, rng *rand.Rand) any { return rabbitMQEvent(rng, text, "value1") }},
		{"webSocket", func(text string, rng *rand.Rand) any {
			return object{"requestContext": webSocketContext(rng, "MESSAGE", "$default"), "body": text, "isBase64Encoded": false}
		}},
	}
}

// slots are the triggers with a place of their own for one value.
func slots() []message {
	return []message{
		{"sqs.attribute", func(v string, rng *rand.Rand) any {
			return sqsEvent(rng, `{"task":"resize"}`, object{"target": object{"stringValue": v, "stringListValues": []any{}, "binaryListValues": []any{}, "dataType": "String"}})
		}},
		{"sns.subject", func(v string, rng *rand.Rand) any { return snsEvent(rng, v, "see subject") }},
		{"s3", func(v string, rng *rand.Rand) any { return s3Event(rng, v) }},
		{"eventBridge", func(v string, rng *rand.Rand) any {
			return eventBridgeEvent(rng, object{"orderId": "o-" + hexID(rng, 6), "customer": object{"note": v}, "items": 3})
		}},
		{"dynamodb", func(v string, rng *rand.Rand) any { return dynamoEvent(rng, v) }},
		{"kafka.key", func(v string, rng *rand.Rand) any { return kafkaEvent(rng, v, `{"ok":true}`, "corr-1") }},
		{"kafka.header", func(v string, rng *rand.Rand) any { return kafkaEvent(rng, "k", `{"ok":true}`, v) }},
		{"mq.rabbit.header", func(v string, rng *rand.Rand) any { return rabbitMQEvent(rng, `{"ok":true}`, v) }},
		{"appSync", func(v string, rng *rand.Rand) any {
			return appSyncEvent(rng, object{"input": object{"id": uuid(rng), "title": v, "stars": 4}}, object{})
		}},
		{"appSync.variables", func(v string, rng *rand.Rand) any {
			return appSyncEvent(rng, object{"id": "7"}, object{"filter": object{"text": v}})
		}},
		{"appSync.batch", func(v string, rng *rand.Rand) any {
			return []any{appSyncEvent(rng, object{"id": "7"}, object{}), appSyncEvent(rng, object{"name": v}, object{})}
		}},
		{"appSyncAuthorizer", func(v string, rng *rand.Rand) any {
			return object{"authorizationToken": "Bearer abc", "requestContext": object{
				"apiId": "giy7kumfmvcqvbedntjwjvagii", "accountId": "123456789012", "requestId": uuid(rng),
				"queryString": "query Q($n: String!) { user(name: $n) { id } }", "operationName": "Q", "variables": object{"n": v},
			}}
		}},
		{"authorizer.token", func(v string, rng *rand.Rand) any {
			return object{"type": "TOKEN", "authorizationToken": v, "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/pets"}
		}},
		{"cognito", func(v string, rng *rand.Rand) any { return cognitoEvent(rng, v, "web") }},
		{"cognito.metadata", func(v string, rng *rand.Rand) any { return cognitoEvent(rng, "Ada", v) }},
		{"lex", func(v string, rng *rand.Rand) any { return lexEvent(rng, v, "tulips") }},
		{"lex.slot", func(v string, rng *rand.Rand) any { return lexEvent(rng, "I want flowers", v) }},
		{"alexa", func(v string, rng *rand.Rand) any { return alexaEvent(rng, v) }},
		{"ses", func(v string, rng *rand.Rand) any { return sesEvent(rng, v, "marta@example.com") }},
		{"connect", func(v string, rng *rand.Rand) any { return connectEvent(rng, v) }},
		{"codePipeline", func(v string, rng *rand.Rand) any { return codePipelineEvent(rng, v) }},
		{"iot", func(v string, _ *rand.Rand) any { return object{"deviceId": "th-17", "temperature": 21.5, "label": v} }},
		{"direct", func(v string, _ *rand.Rand) any {
			return object{"action": "render", "job": object{"name": v, "retries": 2}, "tags": []any{"a", "b"}}
		}},
		{"direct.list", func(v string, _ *rand.Rand) any {
			return []any{object{"id": 1, "source": "crm"}, object{"id": 2, "source": v}}
		}},
		{"direct.name", func(v string, _ *rand.Rand) any { return object{"set": object{v: "1"}} }},
		{"direct.string", func(v string, _ *rand.Rand) any { return v }},
	}
}

func sqsEvent(rng *rand.Rand, body string, attributes object) object {
	if attributes == nil {
		attributes = object{}
	}
	return object{"Records": []any{object{
		"messageId": uuid(rng), "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", "body": body,
		"attributes": object{
			"ApproximateReceiveCount": "1", "SentTimestamp": "1775738096000", "SenderId": "AIDAIENQZJOLO23YVJ4VO",
			"ApproximateFirstReceiveTimestamp": "1775738096001",
		},
		"messageAttributes": attributes, "md5OfBody": hexID(rng, 32), "eventSource": "aws:sqs",
		"eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue", "awsRegion": "us-east-2",
	}}}
}

func snsEnvelope(rng *rand.Rand, text string) object {
	return object{
		"Type": "Notification", "MessageId": uuid(rng), "TopicArn": "arn:aws:sns:us-east-2:123456789012:orders", "Message": text,
		"Timestamp": "2026-04-09T12:34:56.789Z", "SignatureVersion": "1", "Signature": "EXAMPLEpH+0eSoDkzcAk==",
		"SigningCertURL": "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-ac565b8b1a6c5d002d285f9598aa1d9b.pem",
		"UnsubscribeURL": "https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-east-2:123456789012:orders:21be56ed",
	}
}

func snsEvent(rng *rand.Rand, subject, text string) object {
	return object{"Records": []any{object{
		"EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:us-east-2:123456789012:orders:21be56ed-a058-49f5-8c98-aedd2564c486",
		"EventSource": "aws:sns", "Sns": object{
			"SignatureVersion": "1", "Timestamp": "2026-04-09T12:34:56.789Z", "Signature": "EXAMPLEpH+0eSoDkzcAk==",
			"SigningCertUrl": "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-ac565b8b1a6c5d002d285f9598aa1d9b.pem",
			"MessageId":      uuid(rng), "Message": text, "Subject": subject, "Type": "Notification",
			"MessageAttributes": object{"origin": object{"Type": "String", "Value": "shop"}},
			"UnsubscribeUrl":    "https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe", "TopicArn": "arn:aws:sns:us-east-2:123456789012:orders",
		},
	}}}
}

func eventBridgeEvent(rng *rand.Rand, detail any) object {
	return object{
		"version": "0", "id": uuid(rng), "detail-type": "Order Placed", "source": "com.shop.orders", "account": "123456789012",
		"time": "2026-04-09T12:34:56Z", "region": "us-east-1", "resources": []any{}, "detail": detail,
	}
}

func s3Event(rng *rand.Rand, key string) object {
	return object{"Records": []any{object{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": "2026-04-09T12:34:56.000Z",
		"eventName": "ObjectCreated:Put", "userIdentity": object{"principalId": "AWS:AIDAINPONIXQXHT3IKHL2"},
		"requestParameters": object{"sourceIPAddress": publicIP(rng)},
		"responseElements":  object{"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},
		"s3": object{
			"s3SchemaVersion": "1.0", "configurationId": "828aa6fc-f7b5-4305-8584-487c791949c1",
			"bucket": object{"name": "uploads-prod", "ownerIdentity": object{"principalId": "A3I5XTEXAMAI3E"}, "arn": "arn:aws:s3:::uploads-prod"},
			"object": object{"key": s3Key(key), "size": rng.IntN(90000), "eTag": hexID(rng, 32), "sequencer": "0055AED6DCD90281E5"},
		},
	}}}
}

// s3Key is a key as S3 writes it into its events: form-encoded, with slashes left.
func s3Key(key string) string {
	escaped := []byte(url.QueryEscape(key))
	return string(bytes.ReplaceAll(escaped, []byte("%2F"), []byte("/")))
}

func kinesisEvent(rng *rand.Rand, data []byte) object {
	return object{"Records": []any{object{
		"kinesis": object{
			"kinesisSchemaVersion": "1.0", "partitionKey": "p-" + hexID(rng, 4), "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
			"data": base64.StdEncoding.EncodeToString(data), "approximateArrivalTimestamp": 1775738096.987,
		},
		"eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
		"eventName": "aws:kinesis:record", "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role", "awsRegion": "us-east-2",
		"eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
	}}}
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func firehoseEvent(rng *rand.Rand, text string) object {
	return object{
		"invocationId": uuid(rng), "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/clicks", "region": "us-east-1",
		"records": []any{object{"recordId": "49546986683135544286507457936321625675700192471156785154", "approximateArrivalTimestamp": 1775738096987, "data": base64.StdEncoding.EncodeToString([]byte(text))}},
	}
}

func dynamoEvent(rng *rand.Rand, value string) object {
	note := object{"S": value}
	image := object{"id": object{"S": uuid(rng)}, "total": object{"N": "17.50"}}
	switch rng.IntN(4) {
	case 0:
		image["note"] = note
	case 1:
		image["profile"] = object{"M": object{"about": note, "age": object{"N": "40"}}}
	case 2:
		image["notes"] = object{"L": []any{object{"S": "first"}, note}}
	default:
		image["tags"] = object{"SS": []any{"new", value}}
	}
	return object{"Records": []any{object{
		"eventID": hexID(rng, 32), "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
		"dynamodb": object{
			"ApproximateCreationDateTime": 1775738096, "Keys": object{"id": image["id"]}, "NewImage": image,
			"SequenceNumber": "4421584500000000017450439091", "SizeBytes": 26, "StreamViewType": "NEW_AND_OLD_IMAGES",
		},
		"eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000",
	}}}
}

func kafkaEvent(rng *rand.Rand, key, value, header string) object {
	numbers := make([]int, 0, len(header))
	for i := range len(header) {
		numbers = append(numbers, int(header[i]))
	}
	return object{
		"eventSource": "aws:kafka", "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973-a626-431c-9d4e-d7975eb44dd7-2",
		"bootstrapServers": "b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092",
		"records": object{"orders-0": []any{object{
			"topic": "orders", "partition": 0, "offset": 15 + rng.IntN(1000), "timestamp": 1775738096987, "timestampType": "CREATE_TIME",
			"key": base64.StdEncoding.EncodeToString([]byte(key)), "value": base64.StdEncoding.EncodeToString([]byte(value)),
			"headers": []any{object{"trace": numbers}},
		}}},
	}
}

func activeMQEvent(rng *rand.Rand, text string) object {
	return object{
		"eventSource": "aws:mq", "eventSourceArn": "arn:aws:mq:us-east-2:111122223333:broker:test:b-9bcfa592-423a-4942-879d-eb284b418fc8",
		"messages": []any{object{
			"messageID":   "ID:b-9bcfa592-423a-4942-879d-eb284b418fc8-1.mq.us-east-2.amazonaws.com-37557-" + fmt.Sprint(rng.IntN(100000)) + "-2:1:1:1:1",
			"messageType": "jms/text-message", "deliveryMode": 1, "replyTo": nil, "type": nil, "expiration": "60000", "priority": 1,
			"redelivered": false, "destination": object{"physicalName": "testQueue"}, "data": base64.StdEncoding.EncodeToString([]byte(text)),
			"timestamp": 1598827811958, "brokerInTime": 1598827811958, "brokerOutTime": 1598827811959, "properties": object{"index": "1"},
		}},
	}
}

func rabbitMQEvent(rng *rand.Rand, text, header string) object {
	numbers := make([]int, 0, len(header))
	for i := range len(header) {
		numbers = append(numbers, int(header[i]))
	}
	return object{
		"eventSource": "aws:rmq", "eventSourceArn": "arn:aws:mq:us-east-2:111122223333:broker:pizzaBroker:b-9bcfa592-423a-4942-879d-eb284b418fc8",
		"rmqMessagesByQueue": object{"pizzaQueue::/": []any{object{
			"basicProperties": object{
				"contentType": "text/plain", "contentEncoding": nil, "headers": object{"origin": object{"bytes": numbers}, "numberInHeader": 10},
				"deliveryMode": 1, "priority": 34, "correlationId": nil, "replyTo": nil, "expiration": "60000", "messageId": nil,
				"timestamp": "Jan 1, 1970, 12:33:41 AM", "type": nil, "userId": "AIDACKCEVSQ6C2EXAMPLE", "appId": nil, "clusterId": nil, "bodySize": 80 + rng.IntN(9),
			},
			"redelivered": false, "data": base64.StdEncoding.EncodeToString([]byte(text)),
		}}},
	}
}

func appSyncEvent(rng *rand.Rand, arguments, variables object) object {
	return object{
		"arguments": arguments, "identity": object{"sub": uuid(rng), "issuer": "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_abc", "username": "mike", "claims": object{}, "sourceIp": []any{publicIP(rng)}, "defaultAuthStrategy": "ALLOW"},
		"source": nil, "request": object{"headers": object{"x-forwarded-for": publicIP(rng), "accept": "application/json, text/plain, */*", "user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"}, "domainName": nil},
		"prev": nil, "stash": object{}, "info": object{
			"selectionSetList": []any{"id", "title"}, "selectionSetGraphQL": "{\n  id\n  title\n}", "parentTypeName": "Mutation", "fieldName": "createPost", "variables": variables,
		},
	}
}

func cognitoEvent(rng *rand.Rand, name, metadata string) object {
	return object{
		"version": "1", "triggerSource": "PreSignUp_SignUp", "region": "us-east-1", "userPoolId": "us-east-1_abcDEF", "userName": uuid(rng),
		"callerContext": object{"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "7example23456789"},
		"request": object{
			"userAttributes": object{"email": "ada@example.com", "name": name}, "validationData": nil, "clientMetadata": object{"origin": metadata},
		},
		"response": object{"autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false},
	}
}

func lexEvent(rng *rand.Rand, transcript, slot string) object {
	return object{
		"messageVersion": "1.0", "invocationSource": "DialogCodeHook", "userId": "u" + hexID(rng, 8), "sessionAttributes": object{},
		"bot": object{"name": "OrderFlowers", "alias": "prod", "version": "1"}, "outputDialogMode": "Text", "inputTranscript": transcript,
		"currentIntent": object{"name": "OrderFlowers", "slots": object{"FlowerType": slot, "PickupDate": "2026-05-01"}, "confirmationStatus": "None"},
	}
}

func alexaEvent(rng *rand.Rand, value string) object {
	return object{
		"version": "1.0", "session": object{"new": false, "sessionId": "amzn1.echo-api.session." + uuid(rng), "application": object{"applicationId": "amzn1.ask.skill." + uuid(rng)}, "user": object{"userId": "amzn1.ask.account.AGF"}},
		"context": object{"System": object{"apiEndpoint": "https://api.amazonalexa.com"}},
		"request": object{
			"type": "IntentRequest", "requestId": "amzn1.echo-api.request." + uuid(rng), "timestamp": "2026-04-09T12:34:56Z", "locale": "en-GB",
			"intent": object{"name": "PlayIntent", "confirmationStatus": "NONE", "slots": object{"title": object{"name": "title", "value": value, "confirmationStatus": "NONE"}}},
		},
	}
}

func sesEvent(rng *rand.Rand, subject, from string) object {
	return object{"Records": []any{object{"eventVersion": "1.0", "eventSource": "aws:ses", "ses": object{
		"mail": object{
			"timestamp": "2026-04-09T12:34:56.000Z", "source": from, "messageId": hexID(rng, 24), "destination": []any{"help@shop.example"}, "headersTruncated": false,
			"headers":       []any{object{"name": "From", "value": from}, object{"name": "To", "value": "help@shop.example"}, object{"name": "Subject", "value": subject}, object{"name": "MIME-Version", "value": "1.0"}, object{"name": "Content-Type", "value": "text/plain; charset=UTF-8"}},
			"commonHeaders": object{"returnPath": from, "from": []any{from}, "date": "Thu, 9 Apr 2026 12:34:56 +0000", "to": []any{"help@shop.example"}, "messageId": "<" + hexID(rng, 12) + "@example.com>", "subject": subject},
		},
		"receipt": object{
			"timestamp": "2026-04-09T12:34:56.000Z", "processingTimeMillis": 574, "recipients": []any{"help@shop.example"},
			"spamVerdict": object{"status": "PASS"}, "virusVerdict": object{"status": "PASS"}, "spfVerdict": object{"status": "PASS"}, "dkimVerdict": object{"status": "PASS"}, "dmarcVerdict": object{"status": "PASS"},
			"action": object{"type": "Lambda", "functionArn": "arn:aws:lambda:us-west-2:123456789012:function:Example", "invocationType": "Event"},
		},
	}}}}
}

func connectEvent(rng *rand.Rand, value string) object {
	return object{"Name": "ContactFlowEvent", "Details": object{
		"ContactData": object{
			"Attributes": object{"reason": value}, "Channel": "VOICE", "ContactId": uuid(rng), "CustomerEndpoint": object{"Address": "+15555550123", "Type": "TELEPHONE_NUMBER"},
			"InitiationMethod": "INBOUND", "InstanceARN": "arn:aws:connect:us-east-1:123456789012:instance/c8c0e68d-2200-4265-82c0-XXXXXXXXXX",
		},
		"Parameters": object{"sentAttributeKey": value},
	}}
}

func codePipelineEvent(rng *rand.Rand, value string) object {
	return object{"CodePipeline.job": object{
		"id": uuid(rng), "accountId": "111111111111", "data": object{
			"actionConfiguration": object{"configuration": object{"FunctionName": "deploy-check", "UserParameters": value}},
			"inputArtifacts":      []any{object{"name": "ArtifactName", "revision": nil, "location": object{"type": "S3", "s3Location": object{"bucketName": "artifacts-bucket", "objectKey": "build.zip"}}}},
			"outputArtifacts":     []any{},
			"artifactCredentials": object{"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "sessionToken": "MIICiTCCAfICCQD6m7oRw0uXOjANBgkqhkiG9w0BAQUFADCBiDEL"},
		},
	}}
}
