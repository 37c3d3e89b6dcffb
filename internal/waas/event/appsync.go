package event

// resolverBatch reads the array of contexts a batch resolver gets.
func (d *decoder) resolverBatch(doc string) {
	c := over(doc)
	for c.next() {
		d.nextRecord()
		d.resolver(open(c.val))
	}
}

// resolver reads the context of a direct resolver.
func (d *decoder) resolver(root object) {
	d.arguments("arguments", root.get("arguments"))
	info := root.within("info")
	d.arguments("variables", info.get("variables"))
	if text := d.memberText(info, "selectionSetGraphQL"); text != "" && !d.graphQL(text, "/selectionSetGraphQL", JSON) {
		d.add(JSON, "/selectionSetGraphQL", text)
	}
	d.arguments("source", root.get("source"))
	request := root.within("request")
	identity := root.within("identity")
	if d.record <= 0 {
		d.Request.SourceIP = d.text(first(identity.get("sourceIp")), maxName)
		h := d.headers("", request.get("headers"), "")
		for _, line := range h.cookies {
			d.cookies(line)
		}
	}
	if d.Request.Host == "" {
		d.Request.Host = d.meta(request, "domainName")
	}
}

// arguments adds the leaves of a value of GraphQL.
func (d *decoder) arguments(name, raw string) {
	if raw == "" || d.full(JSON, name) {
		return
	}
	sc := scope{names: JSONName, values: JSON, prefix: d.join("/", "", name)}
	if d.walk(raw, sc, false, false) == readBroken {
		d.fault(EventSyntax, JSON, name, "not JSON")
	}
}

// resolverAuthorizer reads what AppSync asks its Lambda authorizer about.
func (d *decoder) resolverAuthorizer(root object) {
	rc := root.within("requestContext")
	d.Request.ID = d.meta(rc, "requestId")
	if raw := root.get("requestHeaders"); first(raw) != "" {
		h := d.headers("", raw, "")
		for _, line := range h.cookies {
			d.cookies(line)
		}
	} else {
		d.token(root)
	}
	if text := d.memberText(rc, "queryString"); text != "" && !d.graphQL(text, "/query", JSON) {
		d.add(JSON, "/query", text)
	}
	d.arguments("variables", rc.get("variables"))
	if name := d.memberText(rc, "operationName"); name != "" {
		d.add(JSON, "/operationName", name)
	}
}
