package corpus

import (
	"fmt"
	"net/url"
	"strings"
)

func (p *phrases) address() object {
	return object{
		"name": p.word("names"), "street": p.word("streets"), "city": p.word("cities"), "zip": fmt.Sprintf("%05d", p.n(99999)),
		"country": pick(p.rng, "DE", "FR", "US", "JP", "BR", "TR", "IN"), "phone": fmt.Sprintf("+49 (0)30 %07d", p.n(9999999)),
	}
}

func orders(p *phrases) (string, []byte) {
	var items []any
	for range 1 + p.n(4) {
		items = append(items, object{
			"sku": fmt.Sprintf("%s-%d", strings.ToUpper(hexID(p.rng, 3)), p.n(9999)), "title": p.word("products"), "qty": 1 + p.n(5),
			"price": object{"amount": p.price(), "currency": "EUR"}, "options": object{"size": pick(p.rng, "S", "M", "XL"), "gift": p.chance(4)},
		})
	}
	order := object{
		"orderId": p.order(), "customerId": uuid(p.rng), "items": items, "shippingAddress": p.address(), "coupon": pick(p.rng, nil, any("SAVE10"), "2FOR1%"),
		"createdAt": "2026-04-09T12:34:56.789Z", "source": pick(p.rng, "web", "ios", "pos/2"),
	}
	if p.chance(2) {
		order["note"] = p.sentence(p.language())
	}
	return p.either(pick(p.rng, "/v1/orders", "/v2/carts/"+uuid(p.rng)+"/checkout", "/orders/"+fmt.Sprint(p.n(9999))), order)
}

func users(p *phrases) (string, []byte) {
	user := object{
		"id": p.n(99999), "name": p.word("names"), "email": p.mail(), "address": p.address(), "birthday": "1984-05-06", "roles": []any{"user", pick(p.rng, "admin", "editor")},
		"bio": p.paragraph(), "website": "https://" + pick(p.rng, "anna", "obrien", "li-wei") + ".example.com/?ref=profile&x=1", "locale": p.language(), "newsletter": p.chance(2),
		"password":  pick(p.rng, "correct horse battery staple", "Tr0ub4dor&3", "p@$$w0rd!;", "x'9#fK<2>q", "(un)safe=1%", "Sommer2026!", "|<3yb04rd|"),
		"avatarUrl": fmt.Sprintf("https://cdn.example.com/u/%d.png?s=200&d=mm", p.n(99999)), "preferences": object{"theme": "dark", "tz": "Europe/Berlin", "items_per_page": 50},
	}
	return p.either(pick(p.rng, "/v1/users", fmt.Sprintf("/users/%d", p.n(9999)), "/api/account/profile"), user)
}

func comments(p *phrases) (string, []byte) {
	comment := object{
		"postId": p.n(9999), "author": object{"name": p.word("names"), "email": p.mail()}, "rating": 1 + p.n(5), "text": p.paragraph(),
		"title": p.sentence(p.language()), "tags": []any{"review", pick(p.rng, "q&a", "c++", "do-it-yourself", "r'n'b")}, "parent": nil,
	}
	if p.chance(8) {
		slot := pick(p.rng, slots()...)
		return slot.trigger, compact(slot.make(p.slotText(slot.trigger), p.rng))
	}
	return p.either(pick(p.rng, "/v1/comments", fmt.Sprintf("/posts/%d/comments", p.n(999)), "/reviews", "/support/tickets"), comment)
}

// slotText is a text that such a place of an event would hold.
func (p *phrases) slotText(trigger string) string {
	switch trigger {
	case "authorizer.token":
		return "Bearer " + p.jwt()
	case "s3":
		return p.word("files")
	case "direct.name", "kafka.key", "sqs.attribute":
		return pick(p.rng, "user-"+hexID(p.rng, 8), uuid(p.rng), "orders.eu/"+fmt.Sprint(p.n(99)), "tenant:acme")
	case "kafka.header", "mq.rabbit.header":
		return pick(p.rng, "application/json", "00-"+hexID(p.rng, 32)+"-"+hexID(p.rng, 16)+"-01", "en-GB")
	}
	return p.sentence(p.language())
}

func search(p *phrases) (string, []byte) {
	r := p.client("GET", pick(p.rng, "/search", "/v1/products", "/api/items", "/s"))
	term := p.term()
	if p.chance(5) {
		term = p.sentence(p.language())
	}
	parts := []string{pick(p.rng, "q", "query", "search", "k") + "=" + formEncoded(term, p.rng)}
	more := []string{
		"page=" + fmt.Sprint(p.n(20)), "sort=" + pick(p.rng, "price", "-price", "price:asc", "name,desc", "created_at%20desc"), "filter[brand]=acme", "filter%5Bprice%5D%5Bgte%5D=10",
		"min=10&max=100", "fields=id,name,price", "include=author,comments.user", "lang=" + p.language(), "tags=red&tags=blue", "tags[]=a&tags[]=b", "utm_source=news&utm_campaign=spring%20sale",
		"from=2026-01-01&to=2026-03-31", "near=48.137,11.575", "radius=5km", "format=json", "callback=jQuery3310" + fmt.Sprint(p.n(99999)), "_=" + fmt.Sprint(1775738096000+p.n(99999)),
		"gclid=" + p.base64ish(60), "fbclid=IwAR0" + p.base64ish(50), "category=home%20%26%20garden", "color=%23ff8800", "size=10%22", "brand=L%27Or%C3%A9al",
		"select=id,name&order=price.desc&limit=20",
	}
	for range p.n(4) {
		parts = append(parts, pick(p.rng, more...))
	}
	if p.chance(30) { // OData
		parts = append(parts, "$top=10&$filter=price%20gt%2020%20and%20name%20eq%20%27tea%27")
	}
	r.query = strings.Join(parts, "&")
	return p.http(r)
}

func form(values ...string) string {
	var parts []string
	for i := 0; i < len(values); i += 2 {
		parts = append(parts, url.QueryEscape(values[i])+"="+url.QueryEscape(values[i+1]))
	}
	return strings.Join(parts, "&")
}

func forms(p *phrases) (string, []byte) {
	r := p.client("POST", pick(p.rng, "/contact", "/login", "/checkout", "/register", "/newsletter", "/reservation"))
	r.contentType = pick(p.rng, "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8")
	r.body = pick(p.rng,
		form("name", p.word("names"), "email", p.mail(), "subject", p.sentence(p.language()), "message", strings.ReplaceAll(p.paragraph(), "\n", "\r\n"), "csrf_token", p.base64ish(43)),
		form("username", p.mail(), "password", pick(p.rng, "hunter2", "Tr0ub4dor&3", "a'b\"c;d", "100% sicher?", "--==:)"), "remember", "on", "next", "/account/orders?page=2"),
		form("first_name", "Seán", "last_name", "O'Casey", "street", p.word("streets"), "city", p.word("cities"), "card[exp]", "04/28", "card[name]", p.word("names"), "items[0][sku]", "A-17", "items[0][qty]", "2", "terms", "1"),
		form("guests", fmt.Sprint(1+p.n(9)), "date", "2026-05-01", "time", "19:30", "wishes", p.sentence(p.language()), "phone", "+33 1 23 45 67 89"),
		form("utf8", "✓", "_method", "patch", "post[title]", p.sentence(p.language()), "post[body]", p.paragraph(), "commit", "Save & continue"),
		form("Body", p.word("chat"), "From", "+15005550006", "To", "+15005550001", "MessageSid", "SM"+hexID(p.rng, 32), "NumMedia", "0", "FromCity", p.word("cities")),
	)
	return p.http(r)
}

func graphql(p *phrases) (string, []byte) {
	r := p.client("POST", "/graphql")
	r.contentType = "application/json"
	type doc struct {
		query     string
		variables object
	}
	d := pick(p.rng,
		doc{"query Products($first: Int!, $q: String) {\n  products(first: $first, search: $q) {\n    edges { node { id title price { amount currency } } }\n    pageInfo { endCursor hasNextPage }\n  }\n}", object{"first": 20, "q": p.term()}},
		doc{"mutation AddComment($input: CommentInput!) { addComment(input: $input) { comment { id body author { name } } errors { field message } } }", object{"input": object{"postId": uuid(p.rng), "body": p.paragraph()}}},
		doc{"mutation { updateUser(id: 7, name: " + quoted(p.word("names")) + ", city: " + quoted(p.word("cities")) + ") { id name } }", nil},
		doc{"{ user(id: \"" + uuid(p.rng) + "\") { ...userFields orders(last: 5, orderBy: {field: CREATED_AT, direction: DESC}) { id total } } } fragment userFields on User { id name email }", nil},
		doc{"query IntrospectionQuery { __schema { queryType { name } mutationType { name } types { kind name description fields(includeDeprecated: true) { name } } } }", nil},
		doc{"query ($where: OrderFilter, $sort: [OrderSort!]) { orders(where: $where, sort: $sort) { id status @include(if: true) items { sku qty } } }", object{"where": object{"total": object{"_gt": 100}, "status": object{"_in": []any{"OPEN", "PAID"}}, "note": object{"_ilike": "%gift%"}}, "sort": []any{object{"created": "desc"}}}},
		doc{"subscription OnMessage($room: ID!) { messageAdded(room: $room) { id text from { name } } }", object{"room": p.n(99)}},
	)
	body := object{"query": d.query}
	if d.variables != nil {
		body["variables"] = d.variables
	}
	if p.chance(2) {
		body["operationName"], body["extensions"] = nil, object{"persistedQuery": object{"version": 1, "sha256Hash": hexID(p.rng, 64)}}
	}
	r.body = string(compact(body))
	if p.chance(6) {
		r.method, r.contentType, r.body = "GET", "", ""
		r.query = "query=" + url.QueryEscape(d.query) + "&variables=" + url.QueryEscape(string(compact(d.variables)))
	}
	if p.chance(5) {
		return "appSync", compact(appSyncEvent(p.rng, object{"input": object{"title": p.sentence(p.language()), "author": p.word("names")}}, object{"limit": 10, "filter": object{"title": object{"contains": "it's"}}}))
	}
	return p.http(r)
}

func uploads(p *phrases) (string, []byte) {
	if p.chance(4) {
		return "s3", compact(s3Event(p.rng, pick(p.rng, "uploads/2026/04/", "tenants/acme & co/", "in/", "user-"+uuid(p.rng)+"/")+p.word("files")))
	}
	name := p.word("files")
	type file struct{ media, content string }
	f := pick(p.rng,
		file{"text/csv", "id,name,city,price\r\n1,\"" + p.word("names") + "\"," + p.word("cities") + "," + p.price() + "\r\n2,\"O'Hara; \"\"Scarlett\"\"\",London,19.99\r\n"},
		file{"text/plain", p.paragraph()},
		file{"text/markdown", p.fill(pick(p.rng, p.documents["markdown"]...))},
		file{"application/json", string(compact(object{"name": p.word("names"), "list": []any{1, 2, 3}, "text": p.sentence(p.language())}))},
		file{"image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + strings.Repeat("\x00\x01\xfe\x80", 20+p.n(60)) + "IEND\xaeB`\x82"},
		file{"application/pdf", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"},
		file{"text/calendar", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART:20260409T123000Z\r\nSUMMARY:" + p.sentence("en") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"},
		file{"image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M3 12h18M12 3v18"/></svg>`},
	)
	boundary := pick(p.rng, "----WebKitFormBoundary"+p.base64ish(16), "---------------------------"+fmt.Sprint(1000000000+p.n(1000000000)), uuid(p.rng))
	r := p.client("POST", pick(p.rng, "/upload", "/v1/files", "/media", "/import/csv"))
	r.contentType = "multipart/form-data; boundary=" + boundary
	r.body = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n" + p.sentence(p.language()) +
		"\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"folder[id]\"\r\n\r\n" + fmt.Sprint(p.n(999)) +
		"\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + strings.ReplaceAll(name, `"`, "%22") + "\"\r\nContent-Type: " + f.media + "\r\n\r\n" + f.content +
		"\r\n--" + boundary + "--\r\n"
	return p.http(r)
}
