package event

import "strings"

// maxEnvelopes is how many messages may be packed in each other: an S3 event in
// an SNS notification in an SQS message makes three.
const maxEnvelopes = 4

// message adds the text of a message: the leaves of JSON, the readable
// stretches of binary data, else the whole. text must be stable.
func (d *decoder) message(name, text string) {
	d.packed(name, text, maxEnvelopes)
}

func (d *decoder) packed(name, text string, envelopes int) {
	if d.full(Message, name) {
		return
	}
	text = d.limitBody(Message, name, text)
	if d.document(name, text, envelopes) {
		return
	}
	if isBinary(text) {
		if !isMedia(text) {
			d.runs(text, Message, name)
		}
		return
	}
	d.add(Message, name, text)
}

// document adds the leaves of text if it is a JSON object or array.
func (d *decoder) document(name, text string, envelopes int) bool {
	doc := trimBOM(text)
	if i := skipSpace(doc, 0); i == len(doc) || doc[i] != '{' && doc[i] != '[' {
		return false
	}
	mark := d.mark()
	sc := scope{names: MessageName, values: Message, prefix: name, envelopes: envelopes}
	if d.walk(doc, sc, true, d.cut) == readBroken {
		d.reset(mark)
		return false
	}
	return true
}

// nested opens a string leaf of a message where it is an envelope's content, and
// reports whether it added the leaf.
func (w *walker) nested(key, name, value string) bool {
	switch key {
	case "Message", "message", "body", "Body", "detail", "payload", "data":
		return w.document(name, value, w.envelopes-1)
	case "key":
		if strings.HasSuffix(name, "/s3/object/key") {
			w.add(w.values, name, w.percentDecode(value, true, w.values, name))
			return true
		}
	case "SigningCertURL", "SigningCertUrl", "UnsubscribeURL", "UnsubscribeUrl":
		return madeBySNS(value)
	}
	return false
}

// madeBySNS says whether a URL is one that SNS puts into its notifications. An
// attacker who makes up a notification can't hide anything in such a text.
func madeBySNS(url string) bool {
	host, path, ok := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
	if !ok || !strings.HasPrefix(url, "https://sns.") || strings.Contains(path, "..") {
		return false
	}
	domain, found := strings.CutSuffix(strings.TrimSuffix(host, ".cn"), ".amazonaws.com")
	return found && isPlain(domain, ".-") && isPlain(path, ".-_/?=&:")
}

// isPlain says whether s has only letters, digits and the bytes of extra.
func isPlain(s, extra string) bool {
	for i := range len(s) {
		if c := s[i]; !isNameStart(c) && !isDigit(c) && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}

// bytes adds what a base64 member holds, unpacked if it is gzip.
func (d *decoder) bytes(name, raw string) {
	if raw == "" || d.full(Message, name) {
		return
	}
	d.cut = false
	mark := d.mark()
	text, longer := d.base64(raw, d.lim.BodyBytes, Message, name)
	if len(d.Faults) > mark.faults {
		// Whoever doesn't decode it sees it as it is.
		d.add(Message, name, d.text(raw, d.lim.BodyBytes))
	}
	if longer {
		d.exceed(LimitBodyBytes, Message, name)
		d.cut = true
	}
	if isGzip(text) {
		text = d.gunzip(text, Message, name)
	}
	if text != "" {
		d.message(name, text)
	}
}

// texts adds a text member.
func (d *decoder) texts(name, raw string) {
	if raw == "" || d.full(Message, name) {
		return
	}
	d.cut = false
	d.message(name, d.text(raw, d.lim.BodyBytes+1))
}

// leaves adds every leaf of a member that AWS took from a user.
func (d *decoder) leaves(name, raw string) {
	if raw == "" || d.full(Message, name) {
		return
	}
	if d.walk(raw, scope{names: MessageName, values: Message, prefix: name}, false, false) == readBroken {
		d.fault(EventSyntax, Message, name, "not JSON")
	}
}
