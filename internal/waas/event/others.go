package event

import "strings"

// eventBridge reads the detail of an event. That of an AWS service is AWS's own,
// save for the key of an S3 object: here it isn't encoded.
func (d *decoder) eventBridge(root object) {
	source := root.plain("source")
	d.Request.ID = d.meta(root, "id")
	if !strings.HasPrefix(source, "aws.") {
		d.texts("detail-type", root.get("detail-type"))
		d.envelope("detail", root.get("detail"))
		return
	}
	if source == "aws.s3" {
		d.texts("key", root.within("detail").within("object").get("key"))
	}
}

// envelope adds the leaves of a value and opens what its strings hold.
func (d *decoder) envelope(name, raw string) {
	if isString(raw) {
		d.texts(name, raw)
		return
	}
	sc := scope{names: MessageName, values: Message, prefix: name, envelopes: maxEnvelopes}
	if raw != "" && d.walk(raw, sc, false, false) == readBroken {
		d.fault(EventSyntax, Message, name, "not JSON")
	}
}

// logs reads the lines of a log subscription: JSON in gzip in base64.
func (d *decoder) logs(root object) {
	raw := root.within("awslogs").get("data")
	packed, longer := d.base64(raw, len(raw), Message, "awslogs")
	if longer {
		d.cut = true
	}
	if !isGzip(packed) {
		d.fault(Compression, Message, "awslogs", "no gzip header")
		d.message("awslogs", packed)
		return
	}
	doc := open(d.gunzip(packed, Message, "awslogs"))
	c := over(doc.get("logEvents"))
	for c.next() {
		d.texts("message", open(c.val).get("message"))
	}
}

// authorizer reads the event of a Lambda authorizer in its three forms.
func (d *decoder) authorizer(root object) {
	switch {
	case root.plain("type") == "TOKEN":
		d.token(root)
	case root.plain("version") == "2.0":
		d.payload2Event(root, encoding{})
	default:
		decoded := root.plain("version") == "1.0" && root.has("routeArn")
		d.restEvent(root, encoding{path: !decoded})
	}
}

// token adds the token an authorizer got instead of the headers.
func (d *decoder) token(root object) {
	from := len(d.Fields)
	d.Request.HeaderNames = append(d.Request.HeaderNames, "authorization")
	d.add(Header, "authorization", d.memberText(root, "authorizationToken"))
	d.Request.Headers = headersOf(d.Fields[from:])
}

// cognito reads what a user typed and what the application added to it.
func (d *decoder) cognito(root object) {
	d.texts("userName", root.get("userName"))
	c := over(root.get("request"))
	for c.next() {
		switch c.key {
		case "userAttributes", "validationData", "clientMetadata", "password", "challengeAnswer":
			d.leaves(d.join("request/", "", c.key), c.val)
		}
	}
}

// lex reads what was said, and the slots filled from it, in both versions.
func (d *decoder) lex(root object) {
	d.texts("inputTranscript", root.get("inputTranscript"))
	for _, key := range [...]string{"sessionAttributes", "requestAttributes", "transcriptions"} {
		d.leaves(key, root.get(key))
	}
	intent := root.within("currentIntent")
	state := root.within("sessionState")
	if intent == nil {
		intent = state.within("intent")
	}
	d.leaves("slots", intent.get("slots"))
	d.leaves("slotDetails", intent.get("slotDetails"))
	d.leaves("sessionAttributes", state.get("sessionAttributes"))
}

// iot reads what a device sent to a custom authorizer.
func (d *decoder) iot(root object) {
	d.texts("token", root.get("token"))
	data := root.within("protocolData")
	http := data.within("http")
	if raw := http.get("queryString"); raw != "" {
		query := strings.TrimPrefix(d.text(raw, d.left+1), "?")
		d.Request.RawQuery = query
		d.form(query, QueryName, Query)
	}
	d.headers("", http.get("headers"), "")
	mqtt := data.within("mqtt")
	d.texts("username", mqtt.get("username"))
	d.bytes("password", mqtt.get("password"))
	d.texts("clientId", mqtt.get("clientId"))
	d.texts("serverName", data.within("tls").get("serverName"))
}

// connect reads what a caller said and what the contact flow made of it.
func (d *decoder) connect(root object) {
	details := root.within("Details")
	contact := details.within("ContactData")
	d.leaves("Attributes", contact.get("Attributes"))
	d.leaves("Parameters", details.get("Parameters"))
	d.texts("Name", contact.get("Name"))
	d.texts("Description", contact.get("Description"))
}

// config reads the names and tags of a resource: all else is AWS's.
func (d *decoder) config(root object) {
	text := d.text(root.get("invokingEvent"), d.lim.BodyBytes)
	item := open(text).within("configurationItem")
	d.texts("resourceName", item.get("resourceName"))
	d.leaves("tags", item.get("tags"))
}

// codePipeline reads the parameters of an action.
func (d *decoder) codePipeline(root object) {
	job := root.within("CodePipeline.job")
	configuration := job.within("data").within("actionConfiguration").within("configuration")
	d.Request.ID = d.meta(job, "id")
	d.texts("UserParameters", configuration.get("UserParameters"))
}

// alexa reads the slots of a skill's request, or the payload of a directive.
func (d *decoder) alexa(root object) {
	request := root.within("request")
	d.Request.ID = d.meta(request, "requestId")
	d.leaves("slots", request.within("intent").get("slots"))
	d.leaves("attributes", root.within("session").get("attributes"))
	directive := root.within("directive")
	d.leaves("cookie", directive.within("endpoint").get("cookie"))
	c := over(directive.get("payload"))
	for c.next() {
		if c.key != "scope" && c.key != "grant" && c.key != "grantee" {
			d.leaves(d.join("payload/", "", c.key), c.val)
		}
	}
}
