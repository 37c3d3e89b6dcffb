package event

import "strconv"

// kafka reads the batches of topics: {"topic-partition": [record…]}.
func (d *decoder) kafka(root object) {
	arn := d.meta(root, "eventSourceArn")
	topics := over(root.get("records"))
	for topics.next() {
		source := d.source(arn, d.key(topics.key))
		records := over(topics.val)
		for records.next() {
			d.nextRecord()
			d.identify("", source)
			r := open(records.val)
			d.bytes("key", r.get("key"))
			d.bytes("value", r.get("value"))
			d.each("headers", r.get("headers"), d.kafkaHeader)
		}
	}
}

// source is an ARN and what of it a record comes from.
func (d *decoder) source(arn, part string) string {
	if arn == "" {
		return part
	}
	return d.join(arn, " ", part)
}

// kafkaHeader reads {"name": [bytes]}.
func (d *decoder) kafkaHeader(_, raw string) {
	c := over(raw)
	for c.next() {
		key := d.key(c.key)
		name := d.label(d.join("headers/", "", key))
		if d.full(MessageName, name) {
			return
		}
		d.add(MessageName, name, key)
		d.message(name, d.byteArray(c.val))
	}
}

// byteArray gives the text of an array of numbers; Java writes bytes above 127 as
// negative ones.
func (d *decoder) byteArray(raw string) string {
	if !isArray(raw) {
		return d.text(raw, d.lim.BodyBytes+1)
	}
	d.arena.begin(min(len(raw)/2, d.lim.BodyBytes+1))
	c := over(raw)
	for c.next() && d.arena.size() <= d.lim.BodyBytes {
		v, err := strconv.Atoi(c.val)
		if err == nil && -128 <= v && v <= 255 {
			d.arena.b.WriteByte(byte(v))
		}
	}
	return d.arena.end()
}

// mq reads the messages of ActiveMQ (an array) and RabbitMQ (arrays by queue).
func (d *decoder) mq(root object) {
	arn := d.meta(root, "eventSourceArn")
	messages := over(root.get("messages"))
	for messages.next() {
		m := open(messages.val)
		d.nextRecord()
		d.identify("", d.source(arn, d.meta(m.within("destination"), "physicalName")))
		d.bytes("data", m.get("data"))
		d.leaves("properties", m.get("properties"))
		d.texts("correlationID", m.get("correlationID"))
		d.texts("type", m.get("type"))
	}
	queues := over(root.get("rmqMessagesByQueue"))
	for queues.next() {
		source := d.source(arn, d.key(queues.key))
		messages := over(queues.val)
		for messages.next() {
			d.nextRecord()
			d.identify("", source)
			d.rabbit(open(messages.val))
		}
	}
}

// rabbit reads a message of RabbitMQ, whose headers may be arrays of bytes.
func (d *decoder) rabbit(m object) {
	d.bytes("data", m.get("data"))
	c := over(m.get("basicProperties"))
	for c.next() {
		name := d.label(d.join("basicProperties/", "", d.key(c.key)))
		if c.key != "headers" {
			d.leaves(name, c.val)
			continue
		}
		headers := over(c.val)
		for headers.next() {
			d.rabbitHeader(headers.key, headers.val)
		}
	}
}

func (d *decoder) rabbitHeader(rawKey, raw string) {
	key := d.key(rawKey)
	name := d.label(d.join("headers/", "", key))
	if d.full(MessageName, name) {
		return
	}
	d.add(MessageName, name, key)
	if value := open(raw).get("bytes"); isArray(value) {
		d.message(name, d.byteArray(value))
		return
	}
	d.leaves(name, raw)
}
