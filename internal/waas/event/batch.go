package event

// batch reads the records of a queue or stream one by one.
func (d *decoder) batch(raw string) {
	c := over(raw)
	for c.next() {
		d.nextRecord()
		d.oneRecord(open(c.val))
	}
	if c.bad {
		d.fault(EventSyntax, Whole, "", "records that are not JSON")
	}
}

// nextRecord begins a record. Its ID and Source are filled in by whoever reads it.
func (d *decoder) nextRecord() {
	d.record = len(d.Records)
	d.Records = append(d.Records, Record{})
	d.cut = false
}

func (d *decoder) identify(id, source string) {
	d.Records[d.record] = Record{ID: id, Source: source}
}

func (d *decoder) oneRecord(r object) {
	switch d.Trigger {
	case SQS:
		d.queueMessage(r)
	case SNS:
		d.notification(r)
	case S3:
		d.storageEvent(r)
	case Kinesis:
		data := r.within("kinesis")
		d.identify(d.meta(data, "sequenceNumber"), d.meta(r, "eventSourceARN"))
		d.texts("partitionKey", data.get("partitionKey"))
		d.bytes("data", data.get("data"))
	case Firehose:
		d.identify(d.meta(r, "recordId"), "")
		d.texts("partitionKey", r.within("kinesisRecordMetadata").get("partitionKey"))
		d.bytes("data", r.get("data"))
	case DynamoDB:
		d.streamRecord(r)
	case SES:
		d.mail(r.within("ses").within("mail"))
	}
}

// queueMessage reads a record of SQS. Its body may be a notification of SNS, an
// event of EventBridge or S3, or one in the other.
func (d *decoder) queueMessage(r object) {
	d.identify(d.meta(r, "messageId"), d.meta(r, "eventSourceARN"))
	d.texts("body", r.get("body"))
	d.attributes(r.get("messageAttributes"), "messageAttributes/", "stringValue", "stringListValues", "binaryValue", "binaryListValues")
}

// attributes reads message attributes: an object of objects.
func (d *decoder) attributes(raw, prefix, text, texts, data, datas string) {
	c := over(raw)
	for c.next() {
		key := d.key(c.key)
		name := d.label(d.join(prefix, "", key))
		if d.full(MessageName, name) {
			return
		}
		d.add(MessageName, name, key)
		attribute := open(c.val)
		d.texts(name, attribute.get(text))
		d.bytes(name, attribute.get(data))
		d.each(name, attribute.get(texts), d.texts)
		d.each(name, attribute.get(datas), d.bytes)
	}
}

// each reads the elements of an array.
func (d *decoder) each(name, raw string, read func(name, raw string)) {
	c := over(raw)
	for c.next() {
		read(name, c.val)
	}
}

// notification reads a record of SNS.
func (d *decoder) notification(r object) {
	sns := r.within("Sns")
	d.identify("", d.meta(sns, "TopicArn"))
	if d.record == 0 {
		d.Request.ID = d.meta(sns, "MessageId")
	}
	d.texts("subject", sns.get("Subject"))
	d.texts("message", sns.get("Message"))
	c := over(sns.get("MessageAttributes"))
	for c.next() {
		key := d.key(c.key)
		name := d.label(d.join("messageAttributes/", "", key))
		d.add(MessageName, name, key)
		attribute := open(c.val)
		if attribute.plain("Type") == "Binary" {
			d.bytes(name, attribute.get("Value"))
		} else {
			d.texts(name, attribute.get("Value"))
		}
	}
}

// storageEvent reads a record of S3. Its key is encoded as in a form.
func (d *decoder) storageEvent(r object) {
	s3 := r.within("s3")
	d.identify("", d.meta(s3.within("bucket"), "arn"))
	if d.record == 0 {
		d.Request.SourceIP = d.meta(r.within("requestParameters"), "sourceIPAddress")
		d.Request.ID = d.meta(r.within("responseElements"), "x-amz-request-id")
	}
	key := d.memberText(s3.within("object"), "key")
	if key != "" {
		d.add(Message, "key", d.percentDecode(key, true, Message, "key"))
	}
}

// streamRecord reads a record of a DynamoDB stream.
func (d *decoder) streamRecord(r object) {
	change := r.within("dynamodb")
	d.identify(d.meta(change, "SequenceNumber"), d.meta(r, "eventSourceARN"))
	d.item("Keys", change.get("Keys"), 1)
	d.item("NewImage", change.get("NewImage"), 1)
}

// item reads a map of typed attributes.
func (d *decoder) item(name, raw string, depth int) {
	c := over(raw)
	for c.next() {
		key := d.key(c.key)
		below := d.label(d.join(name, "/", key))
		if d.full(MessageName, below) {
			return
		}
		d.add(MessageName, below, key)
		d.typed(below, c.val, depth)
	}
}

// typed reads an attribute value: {"S": "text"}, {"M": {…}}… Numbers and booleans
// hold no text.
func (d *decoder) typed(name, raw string, depth int) {
	if depth > d.lim.Depth {
		d.exceed(LimitDepth, Message, name)
		d.add(Message, name, d.text(raw, d.left+1))
		return
	}
	c := over(raw)
	for c.next() {
		switch c.key {
		case "S":
			d.texts(name, c.val)
		case "B":
			d.bytes(name, c.val)
		case "SS":
			d.each(name, c.val, d.texts)
		case "BS":
			d.each(name, c.val, d.bytes)
		case "M":
			d.item(name, c.val, depth+1)
		case "L":
			d.each(name, c.val, func(name, raw string) { d.typed(name, raw, depth+1) })
		}
	}
}

// mail reads the header of a message that SES received; its body isn't in the event.
func (d *decoder) mail(mail object) {
	d.identify("", "")
	if d.record == 0 {
		d.Request.ID = d.meta(mail, "messageId")
	}
	d.texts("source", mail.get("source"))
	c := over(mail.get("headers"))
	for c.next() {
		header := open(c.val)
		name := d.memberText(header, "name")
		label := d.label(d.join("headers/", "", d.arena.lower(name)))
		d.add(MessageName, label, name)
		d.texts(label, header.get("value"))
	}
	d.leaves("commonHeaders", mail.get("commonHeaders"))
}
