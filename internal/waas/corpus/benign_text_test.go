package corpus

import (
	"fmt"
	"net/url"
	"strings"
)

func documents(p *phrases) (string, []byte) {
	text := p.fill(pick(p.rng, p.documents["markdown"]...))
	if p.chance(3) {
		text += "\n\n" + p.paragraph()
	}
	return p.either(pick(p.rng, "/v1/pages", "/wiki/edit", "/issues"), object{"title": p.sentence(p.language()), "body": text, "format": "markdown", "draft": true})
}

func mails(p *phrases) (string, []byte) {
	text := p.fill(pick(p.rng, p.documents["mails"]...))
	if p.chance(3) {
		return "ses", compact(sesEvent(p.rng, pick(p.rng, "Re: ", "AW: ", "Fwd: ", "")+p.sentence(p.language()), p.word("names")+" <"+p.mail()+">"))
	}
	return p.either("/v1/mails", object{
		"to": []any{object{"email": p.mail(), "name": p.word("names")}}, "from": "Shop <shop@example.com>", "subject": p.sentence(p.language()), "text": text, "cc": nil,
		"headers": object{"List-Unsubscribe": "<https://example.com/u?id=" + uuid(p.rng) + ">, <mailto:u@example.com?subject=unsubscribe>", "X-Priority": "3"},
	})
}

func chat(p *phrases) (string, []byte) {
	message := object{"type": "message", "room": "r" + fmt.Sprint(p.n(99)), "text": p.word("chat"), "user": p.word("names"), "ts": "1775738096.000200", "reactions": []any{object{"emoji": "👍", "n": p.n(9)}}}
	if p.chance(2) {
		return "webSocket", compact(object{"requestContext": webSocketContext(p.rng, "MESSAGE", "sendMessage"), "body": string(compact(message)), "isBase64Encoded": false})
	}
	if p.chance(4) {
		return "lex", compact(lexEvent(p.rng, p.sentence(p.language()), p.word("products")))
	}
	return p.either("/v1/messages", message)
}

func tokens(p *phrases) (string, []byte) {
	secret := func() string {
		if p.chance(25) { // rarer shapes, that look like comments and data: URLs
			return pick(p.rng, "006--"+p.base64ish(12)+"--"+p.base64ish(6), "v1."+p.base64ish(40)+"--"+hexID(p.rng, 40), "data:image/png;base64,iVBORw0KGgo"+p.base64ish(200))
		}
		return pick(p.rng, p.jwt(), uuid(p.rng), hexID(p.rng, 40), hexID(p.rng, 64), p.base64ish(43)+"=", "sk_test_"+p.base64ish(24), "$2b$12$"+p.base64ish(53),
			"$argon2id$v=19$m=65536,t=3,p=4$"+p.base64ish(22)+"$"+p.base64ish(43), "ya29."+p.base64ish(120), "xoxb-0000-"+p.base64ish(24), p.base64ish(20)+"/"+p.base64ish(19)+"+"+p.base64ish(3)+"==",
			"01ARZ3NDEKTSV4RRFFQ69G5FAV", "urn:uuid:"+uuid(p.rng))
	}
	if p.chance(3) {
		r := p.client("GET", "/v1/verify/"+url.PathEscape(secret()))
		r.query = "token=" + url.QueryEscape(secret()) + "&sig=" + url.QueryEscape(secret()) + "&expires=1775738096"
		return p.http(r)
	}
	return p.either("/v1/devices", object{"token": secret(), "refresh": secret(), "etag": secret(), "checksum": "sha256:" + hexID(p.rng, 64), "key": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOC" + p.base64ish(60) + "\n-----END PUBLIC KEY-----\n"})
}

func oauth(p *phrases) (string, []byte) {
	if p.chance(2) {
		r := p.client("POST", "/oauth2/token")
		r.contentType = "application/x-www-form-urlencoded"
		r.body = form("grant_type", pick(p.rng, "authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"), "code", "4/0A"+p.base64ish(70), "client_id", uuid(p.rng),
			"client_secret", p.base64ish(40), "redirect_uri", p.redirectURI(), "code_verifier", p.base64ish(64), "scope", "openid profile email offline_access")
		return p.http(r)
	}
	r := p.client("GET", pick(p.rng, "/authorize", "/oauth2/authorize", "/auth/callback", "/saml/acs"))
	r.query = form("response_type", "code id_token", "client_id", uuid(p.rng), "redirect_uri", "https://app.example.com/auth/callback?from=%2Faccount", "scope", "openid email https://graph.example.com/User.Read", "state", p.base64ish(60),
		"nonce", uuid(p.rng), "code_challenge", p.base64ish(43), "code_challenge_method", "S256", "prompt", "select_account", "login_hint", p.mail(), "claims", `{"id_token":{"email":{"essential":true}}}`)
	return p.http(r)
}

func redirects(p *phrases) (string, []byte) {
	r := p.client("GET", pick(p.rng, "/redirect", "/out", "/login", "/preview", "/embed", "/proxy/image"))
	target := pick(p.rng, "https://www.example.com/p/17?ref=mail&color=blue#reviews", "/account/orders?page=2&sort=-date", "https://example.org/a(b)_c,d;e=1", "https://maps.example.com/?q=King's+Cross&ll=51.53,-0.12",
		"https://de.wikipedia.example/wiki/Österreich_(Begriffsklärung)", "https://www.youtube.example/watch?v="+p.base64ish(11)+"&t=42s", "myapp://open?item=17&from=push", "mailto:anna@example.com?subject=Hi%20there",
		"https://user.example.com:8443/x/y.php?id=17", "https://cdn.example.com/img/w_300,h_200/"+hexID(p.rng, 8)+".jpg", "../checkout", "//cdn.example.com/app.js", "https://example.com/search?q=cats+%26+dogs", "tel:+4930123456", "https://xn--mnchen-3ya.example/")
	r.query = pick(p.rng, "url", "next", "returnTo", "redirect_uri", "continue", "src") + "=" + url.QueryEscape(target) + "&sig=" + hexID(p.rng, 32)
	return p.http(r)
}

func analytics(p *phrases) (string, []byte) {
	if p.chance(3) {
		return p.either("/v1/query", object{
			"measures": []any{"Orders.count", "Orders.total"}, "dimensions": []any{"Users.city"}, "timeDimensions": []any{object{"dimension": "Orders.createdAt", "granularity": "month", "dateRange": "last 6 months"}},
			"filters": []any{object{"member": "Users.city", "operator": "contains", "values": []any{p.word("cities")}}, object{"member": "Orders.total", "operator": "gte", "values": []any{"100"}}}, "order": object{"Orders.count": "desc"}, "limit": 500,
		})
	}
	if p.chance(3) {
		return p.either("/_search", object{
			"size": 20, "_source": []any{"id", "title"}, "sort": []any{object{"price": "asc"}, "_score"},
			"query": object{"bool": object{"must": []any{object{"match": object{"title": p.term()}}}, "filter": []any{object{"range": object{"price": object{"gte": 10, "lt": 100}}}, object{"terms": object{"tags": []any{"new", "sale"}}}}, "must_not": []any{object{"exists": object{"field": "deleted"}}}}},
			"aggs":  object{"by_city": object{"terms": object{"field": "city.keyword", "size": 10}}},
		})
	}
	r := p.client("POST", pick(p.rng, "/collect", "/v1/track", "/g/collect"))
	event := object{"event": pick(p.rng, "page_view", "add_to_cart", "search", "exception"), "anonymousId": uuid(p.rng), "timestamp": "2026-04-09T12:34:56.789Z", "properties": object{"url": "https://www.example.com/s?q=" + url.QueryEscape(p.term()), "title": p.word("products") + " | Example Shop", "referrer": "https://www.google.com/", "value": p.price()}, "context": object{"userAgent": p.raw("agents"), "screen": "1920x1080", "locale": "de-DE"}}
	r.contentType, r.body = pick(p.rng, "application/json", "text/plain;charset=UTF-8"), string(compact(object{"batch": []any{event}, "sentAt": "2026-04-09T12:34:57.001Z"}))
	return p.http(r)
}

func values(p *phrases) (string, []byte) {
	if p.chance(3) {
		r := p.client("GET", "/v1/lookup/"+url.PathEscape(pick(p.rng, "AB-"+fmt.Sprint(p.n(999)), p.word("cities"), "v1.2.3", "2026-04-09")))
		r.query = "value=" + url.QueryEscape(p.word("values")) + "&unit=" + url.QueryEscape(pick(p.rng, "°C", "m/s", "%", "€", "km²"))
		return p.http(r)
	}
	return p.either("/v1/fields", object{"label": p.sentence(p.language()), "a": p.word("values"), "b": p.term(), "list": []any{p.price(), p.word("products")}, "note": p.term()})
}

func code(p *phrases) (string, []byte) {
	s := pick(p.rng, p.snippets...)
	text := p.numbered(s.text)
	if p.chance(3) {
		text = p.sentence("en") + "\n\n```" + s.language + "\n" + text + "```\n"
	}
	return p.either(pick(p.rng, "/v1/reviews", "/pastes", "/snippets", "/chat/messages"), object{"language": s.language, "file": pick(p.rng, "src/app.ts", "lib/util.py", "main.go"), "line": p.n(400), "body": text, "comment": p.sentence("en")})
}

func logs(p *phrases) (string, []byte) {
	var all []string
	for range 1 + p.n(4) {
		if p.chance(4) {
			all = append(all, p.numbered(pick(p.rng, p.traces...)))
			continue
		}
		all = append(all, p.fill(pick(p.rng, p.logLines...)))
	}
	if p.chance(2) {
		return p.queue(strings.Join(all, "\n"))
	}
	return p.either("/v1/logs", object{"stream": "app", "host": "ip-10-0-3-17", "lines": all})
}

func markup(p *phrases) (string, []byte) {
	var b strings.Builder
	for range 1 + p.n(4) {
		b.WriteString(p.fill(pick(p.rng, p.words["html"]...)))
	}
	return p.either("/cms/blocks", object{"slug": "news-" + fmt.Sprint(p.n(999)), "html": b.String(), "lang": p.language()})
}

// redirectURI is where an OAuth client wants to come back to; a developer's machine now and then.
func (p *phrases) redirectURI() string {
	if p.chance(30) {
		return pick(p.rng, "http://localhost:3000/callback", "http://127.0.0.1:51004/")
	}
	return pick(p.rng, "https://app.example.com/auth/callback", "com.example.app:/oauth2redirect", "https://app.example.com/cb?tenant=acme&x=1")
}
