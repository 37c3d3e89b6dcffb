package event

// Decode reads an event. It never fails: an event it doesn't know is Direct, and
// bytes that aren't JSON are one Field and a Fault. The result doesn't refer to
// data. Time is linear in len(data); the memory of the result is bounded by the
// limits and the number of records.
func Decode(data []byte, l Limits) *Event {
	d := newDecoder(len(data), l)
	doc := view(data)
	doc = doc[skipSpace(doc, 0):]
	if isArray(doc) && recognise(open(first(doc))) == AppSync {
		d.Trigger = AppSync
		d.resolverBatch(doc)
		return &d.Event
	}
	root := open(doc)
	d.Trigger = recognise(root)
	d.dispatch(root, doc)
	return &d.Event
}

func (d *decoder) dispatch(root object, doc string) {
	switch d.Trigger {
	case APIGateway:
		decoded := root.plain("version") == "1.0" // an HTTP API
		d.restEvent(root, encoding{path: !decoded})
	case ALB:
		d.restEvent(root, encoding{path: true, query: true})
	case HTTPAPI:
		d.payload2Event(root, encoding{})
	case FunctionURL:
		d.payload2Event(root, encoding{path: true})
	case WebSocket:
		d.restEvent(root, encoding{path: true})
	case Authorizer:
		d.authorizer(root)
	case AppSync:
		d.resolver(root)
	case AppSyncAuthorizer:
		d.resolverAuthorizer(root)
	default:
		d.dispatchQueue(root, doc)
	}
}

func (d *decoder) dispatchQueue(root object, doc string) {
	switch d.Trigger {
	case SQS, SNS, S3, Kinesis, DynamoDB, SES:
		d.batch(root.get("Records"))
	case Firehose:
		d.batch(root.get("records"))
	case Kafka:
		d.kafka(root)
	case MQ:
		d.mq(root)
	case EventBridge:
		d.eventBridge(root)
	case CloudWatchLogs:
		d.logs(root)
	default:
		d.dispatchOther(root, doc)
	}
}

func (d *decoder) dispatchOther(root object, doc string) {
	switch d.Trigger {
	case Cognito:
		d.cognito(root)
	case Lex:
		d.lex(root)
	case IoT:
		d.iot(root)
	case Connect:
		d.connect(root)
	case Config:
		d.config(root)
	case CodePipeline:
		d.codePipeline(root)
	case Alexa:
		d.alexa(root)
	default:
		d.direct(doc)
	}
}

// direct takes every leaf and every name.
func (d *decoder) direct(doc string) {
	if d.walk(doc, scope{names: MessageName, values: Message}, false, false) != readBroken {
		return
	}
	d.fault(EventSyntax, Whole, "", "not JSON")
	d.add(Message, "", d.arena.copy(doc[:min(len(doc), d.left+1)]))
}
