package event

import "strings"

// encoding is what a trigger leaves encoded.
type encoding struct {
	path  bool // %2F in the path is still %2F
	query bool // the query maps hold what was sent
}

// restEvent reads the shape with httpMethod: REST APIs, HTTP APIs with payload
// format 1.0, load balancers, WebSocket connections and their authorizers.
func (d *decoder) restEvent(root object, e encoding) {
	rc := root.within("requestContext")
	identity := rc.within("identity")
	r := &d.Request
	r.Method = d.meta(root, "httpMethod")
	r.Protocol = d.meta(rc, "protocol")
	r.ID = d.meta(rc, "requestId")
	r.SourceIP = d.meta(identity, "sourceIp")
	r.UserAgent = d.meta(identity, "userAgent")
	r.Host = d.meta(rc, "domainName")
	d.urlPath(d.memberText(root, "path"), e.path)
	d.pathParameters(root.get("pathParameters"), e.path)
	d.queryMaps(root.get("multiValueQueryStringParameters"), root.get("queryStringParameters"), e.query)
	h := d.headers(root.get("multiValueHeaders"), root.get("headers"), "")
	for _, line := range h.cookies {
		d.cookies(line)
	}
	d.body(root.get("body"), root.get("isBase64Encoded") == "true", h)
}

// payload2Event reads payload format 2.0: HTTP APIs, function URLs and their
// authorizers.
func (d *decoder) payload2Event(root object, e encoding) {
	rc := root.within("requestContext")
	http := rc.within("http")
	r := &d.Request
	r.Method = d.meta(http, "method")
	r.Protocol = d.meta(http, "protocol")
	r.ID = d.meta(rc, "requestId")
	r.SourceIP = d.meta(http, "sourceIp")
	r.UserAgent = d.meta(http, "userAgent")
	r.Host = d.meta(rc, "domainName")
	path := d.memberText(root, "rawPath")
	if path == "" {
		path = d.memberText(http, "path")
	}
	d.urlPath(path, e.path)
	d.pathParameters(root.get("pathParameters"), e.path)
	if r.RawQuery = d.memberText(root, "rawQueryString"); r.RawQuery != "" {
		d.form(r.RawQuery, QueryName, Query)
	} else {
		d.queryMaps("", root.get("queryStringParameters"), false)
	}
	h := d.headers("", root.get("headers"), d.cookieLine(root.get("cookies")))
	for _, line := range h.cookies {
		d.cookies(line)
	}
	d.body(root.get("body"), root.get("isBase64Encoded") == "true", h)
}

// memberText gives the text of a member, as far as TotalBytes go.
func (d *decoder) memberText(o object, key string) string {
	raw := o.get(key)
	if raw == "" {
		return ""
	}
	return d.text(raw, d.left+1)
}

func (d *decoder) urlPath(raw string, encoded bool) {
	if raw == "" {
		return
	}
	d.Request.RawPath, d.Request.Path = raw, raw
	if encoded {
		d.Request.Path = d.percentDecode(raw, false, Path, "")
	}
	d.add(Path, "", d.Request.Path)
}

// pathParameters are parts of the path, so encoded when that is.
func (d *decoder) pathParameters(raw string, encoded bool) {
	c := over(raw)
	for c.next() {
		name := d.label(d.key(c.key))
		if d.full(PathParameter, name) {
			return
		}
		value := d.text(c.val, d.left+1)
		if encoded {
			value = d.percentDecode(value, false, PathParameter, name)
		}
		d.add(PathParameter, name, value)
	}
}

// queryMaps makes fields of the query maps: the one with all values when it has
// any, else the other. encoded says that they hold what was sent.
func (d *decoder) queryMaps(multi, single string, encoded bool) {
	raw := multi
	if first(raw) == "" {
		raw = single
	}
	q := query{decoder: d, encoded: encoded}
	c := over(raw)
	for c.next() {
		if d.full(QueryName, "") {
			break
		}
		key := d.key(c.key)
		name := q.decode(key, QueryName, "")
		label := d.label(name)
		d.add(QueryName, label, name)
		if !isArray(c.val) {
			q.value(key, label, c.val)
			continue
		}
		values := over(c.val)
		for values.next() {
			q.value(key, label, values.val)
		}
	}
	d.Request.RawQuery = q.raw.String()
}

// query puts the query of an event with maps together again.
type query struct {
	*decoder
	encoded bool
	raw     strings.Builder
}

func (q *query) decode(s string, p Place, key string) string {
	if !q.encoded {
		return s
	}
	return q.percentDecode(s, true, p, key)
}

func (q *query) value(key, label, raw string) {
	if q.full(Query, label) {
		return
	}
	sent := ""
	if raw != "null" {
		sent = q.text(raw, q.left+1)
	}
	value := q.decode(sent, Query, label)
	if q.raw.Len() > 0 {
		q.raw.WriteByte('&')
	}
	if q.encoded {
		q.raw.WriteString(key)
		q.raw.WriteByte('=')
		q.raw.WriteString(sent)
	} else {
		encodeQuery(&q.raw, key)
		q.raw.WriteByte('=')
		encodeQuery(&q.raw, value)
	}
	if label == "query" && q.graphQL(value, label, Query) {
		return
	}
	q.add(Query, label, value)
}

// cookieLine makes one Cookie header of the cookies of payload format 2.0, which
// takes them out of the headers; frameworks do the same.
func (d *decoder) cookieLine(raw string) string {
	if first(raw) == "" {
		return ""
	}
	var line strings.Builder
	c := over(raw)
	for c.next() {
		if line.Len() > d.left {
			break
		}
		if line.Len() > 0 {
			line.WriteString("; ")
		}
		line.WriteString(d.text(c.val, d.left+1))
	}
	return line.String()
}
