package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

func webhooks(p *phrases) (string, []byte) {
	body := pick(p.rng,
		object{
			"ref": "refs/heads/fix/user's-cart", "before": hexID(p.rng, 40), "after": hexID(p.rng, 40), "repository": object{"full_name": "acme/shop", "html_url": "https://git.example.com/acme/shop", "clone_url": "https://git.example.com/acme/shop.git"},
			"pusher": object{"name": "anna", "email": p.mail()}, "compare": "https://git.example.com/acme/shop/compare/abc123...def456",
			"commits": []any{object{"id": hexID(p.rng, 40), "message": pick(p.rng, "Fix #17: don't drop empty carts", "Merge branch 'main' into fix/login", "feat(api)!: select plan by id; remove v1", "Update README.md & docs/*.md", "Revert \"bump deps\"\n\nThis reverts commit 1a2b3c."), "added": []any{"src/cart.ts"}, "modified": []any{"package.json", ".github/workflows/ci.yml", "etc/notes.md"}}},
		},
		object{
			"action": pick(p.rng, "opened", "edited", "closed"), "issue": object{"number": p.n(999), "title": p.sentence(p.language()), "body": p.fill(pick(p.rng, p.documents["markdown"]...)), "labels": []any{object{"name": "good first issue", "color": "7057ff"}}, "user": object{"login": "o-brien", "avatar_url": "https://avatars.example.com/u/17?v=4"}},
			"installation": object{"id": p.n(99999)},
		},
		object{
			"id": "evt_" + p.base64ish(24), "object": "event", "api_version": "2024-04-10", "type": pick(p.rng, "charge.succeeded", "invoice.paid", "customer.subscription.deleted"), "livemode": false,
			"data": object{"object": object{"id": "ch_" + p.base64ish(24), "amount": p.n(99999), "currency": "eur", "description": p.word("products"), "receipt_url": "https://pay.example.com/receipts/payment/" + p.base64ish(60), "billing_details": object{"name": p.word("names"), "email": p.mail(), "address": p.address()}, "metadata": object{"order": p.order()}, "outcome": object{"seller_message": "Payment complete.", "risk_score": p.n(99)}}},
		},
		object{
			"token": p.base64ish(24), "team_id": "T0001", "type": "event_callback", "event_time": 1775738096, "event": object{"type": "app_mention", "user": "U" + strings.ToUpper(hexID(p.rng, 9)), "text": "<@U0LAN0Z89> " + p.word("chat"), "channel": "C0LAN2Q65", "blocks": []any{object{"type": "section", "text": object{"type": "mrkdwn", "text": "*" + p.sentence("en") + "*\n<https://example.com|Open> &amp; approve"}}}},
		},
		object{"orderId": p.n(99999), "financial_status": "paid", "note_attributes": []any{object{"name": "gift note", "value": p.sentence(p.language())}}, "line_items": []any{object{"title": p.word("products"), "quantity": 1, "price": p.price()}}, "client_details": object{"user_agent": p.raw("agents"), "browser_ip": publicIP(p.rng)}, "landing_site": "/?utm_source=ig&utm_medium=story", "referring_site": "https://l.instagram.example/?u=https%3A%2F%2Fshop.example.com%2F&e=AT0"},
	)
	if p.chance(5) {
		r := p.client("POST", "/slack/commands")
		r.contentType, r.body = "application/x-www-form-urlencoded", form("token", p.base64ish(24), "command", "/remind", "text", "me to call "+p.word("names")+" at 5pm; and buy milk & bread", "response_url", "https://hooks.example.com/commands/T0001/1/"+p.base64ish(24), "user_name", "anna", "channel_name", "general")
		return p.http(r)
	}
	r := p.client("POST", pick(p.rng, "/hooks/git", "/webhooks/payments", "/slack/events"))
	r.headers = append(r.headers, pair{"X-Hub-Signature-256", "sha256=" + hexID(p.rng, 64)}, pair{"Stripe-Signature", "t=1775738096,v1=" + hexID(p.rng, 64)})
	r.contentType, r.body = "application/json", string(compact(body))
	return p.http(r)
}

func telemetry(p *phrases) (string, []byte) {
	reading := object{"deviceId": "th-" + hexID(p.rng, 6), "ts": 1775738096000 + p.n(99999), "t": float64(p.n(400)) / 10, "rh": p.n(100), "battery": fmt.Sprintf("%d%%", p.n(100)), "fw": "2.1.4-rc+" + hexID(p.rng, 7), "status": pick(p.rng, "ok", "low battery", "ERR_42; see log", "door open/closed"), "topic": "site/7/floor-2/temp", "gps": object{"lat": 48.137154, "lng": 11.576124}, "raw": "0x" + hexID(p.rng, 32)}
	switch p.n(4) {
	case 0:
		return "iot", compact(reading)
	case 1:
		return "kinesis", compact(kinesisEvent(p.rng, compact(reading)))
	case 2:
		return "firehose", compact(firehoseEvent(p.rng, string(compact(reading))+"\n"))
	}
	return p.either("/v1/telemetry", object{"readings": []any{reading, reading}, "gateway": "gw-1"})
}

func browsing(p *phrases) (string, []byte) {
	r := request{method: "GET", path: pick(p.rng, "/", "/en/products/kids%27-shoes", "/p/"+hexID(p.rng, 8)+".html", "/blog/2026/04/how-to-select-a-bike", "/wp-content/uploads/2026/04/photo-1.jpg", "/assets/app."+hexID(p.rng, 8)+".js", "/caf%C3%A9/men%C3%BC", "/api/v1/users/me", "/favicon.ico", "/robots.txt", "/.well-known/openid-configuration", "/de/ueber-uns", "/@anna/posts/1", "/files/report%20(final).pdf", "/a/b;v=1/c", "/tags/c%2B%2B", "/~anna/index.php")}
	r.headers, r.cookies = p.browserHeaders(), p.vendorCookies()
	if p.chance(2) {
		r.query = pick(p.rng, "v="+hexID(p.rng, 8), "utm_source=newsletter&utm_medium=email&utm_campaign=April%20Sale%20%2D%2050%25", "page=2&sort=price_asc&filters=%7B%22brand%22%3A%5B%22acme%22%5D%7D", "ref=home&pos=3", "gclid="+p.base64ish(60), "q="+formEncoded(p.term(), p.rng), "t=1775738096&s=1920x1080", "lang=de_DE", "id="+fmt.Sprint(p.n(99999)), "ids=1,2,3", "d=2026-04-09T12%3A34%3A56%2B02%3A00", "w=640&q=75&url=%2Fimages%2Fhero.jpg")
	}
	return p.http(r)
}

func crawlers(p *phrases) (string, []byte) {
	r := request{method: pick(p.rng, "GET", "HEAD"), path: pick(p.rng, "/robots.txt", "/sitemap.xml", "/", "/p/17", "/blog/feed.xml"), headers: []pair{{"User-Agent", p.raw("crawlers")}, {"Accept", "*/*"}, {"From", "bot(at)example.com"}, {"X-Forwarded-For", publicIP(p.rng)}, {"X-Forwarded-Proto", "https"}, {"Host", "www.example.com"}, {"Connection", "keep-alive"}}}
	return p.http(r)
}

func configuration(p *phrases) (string, []byte) {
	document := pick(p.rng,
		object{"flags": []any{object{"key": "new-cart", "on": true, "rules": []any{object{"if": "user.country == 'DE' && user.age >= 18", "serve": 50}, object{"if": "plan in ['pro', 'team']", "serve": 100}}}}, "salt": hexID(p.rng, 16)},
		object{"Version": "2012-10-17", "Statement": []any{object{"Effect": "Allow", "Action": []any{"s3:GetObject", "dynamodb:*"}, "Resource": "arn:aws:s3:::bucket/*", "Condition": object{"StringLike": object{"aws:PrincipalArn": "arn:aws:iam::*:role/app-*"}}}}},
		object{"type": "object", "properties": object{"email": object{"type": "string", "pattern": `^[^@\s]+@[^@\s]+\.[a-z]{2,}$`}, "age": object{"type": "integer", "minimum": 0}}, "required": []any{"email"}, "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/user"},
		object{"template": "Hello {{first_name}}, your order {{order.id}} ships on {{ship_date}}.", "locale": "en", "fallback": "Hi there!", "subject": "{{shop}}: order update"},
		object{"schedule": "cron(0/15 * * * ? *)", "timezone": "Europe/Berlin", "input": "{\"task\":\"cleanup\",\"days\":30}", "retry": object{"max": 3, "backoff": "2s"}, "webhook": "https://hooks.example.com/t/" + hexID(p.rng, 12)},
		object{"name": "shop-web", "scripts": object{"build": "vite build", "test": "vitest run", "lint": "eslint . --ext .ts,.tsx"}, "dependencies": object{"react": "^18.3.1", "@aws-sdk/client-s3": "~3.600.0"}, "engines": object{"node": ">=18 <23"}},
		object{"openapi": "3.1.0", "info": object{"title": "Items & orders", "version": "1.0.0"}, "paths": object{"/items/{id}": object{"get": object{"operationId": "getItem", "parameters": []any{object{"name": "id", "in": "path", "required": true}}}}}},
		object{"columns": []any{object{"field": "price", "header": "Price (€)", "format": "#,##0.00"}, object{"field": "total", "formula": "=SUM(B2:B10)*1.19"}}, "filter": "price > 10 and city = 'Köln'", "sort": []any{"-date", "name"}},
	)
	return p.either(pick(p.rng, "/v1/settings", "/admin/config", "/flags"), document)
}

func pipelines(p *phrases) (string, []byte) {
	if p.chance(3) {
		return "codePipeline", compact(codePipelineEvent(p.rng, `{"stage":"prod","commit":"`+hexID(p.rng, 40)+`"}`))
	}
	return p.either("/ci/events", object{
		"build": object{"id": p.n(99999), "status": pick(p.rng, "passed", "failed"), "branch": pick(p.rng, "main", "feature/ABC-17-user's-cart", "release/1.2"), "commit": hexID(p.rng, 40), "message": pick(p.rng, "Merge pull request #17 from acme/fix", "chore(deps): update dependency eslint to v9", "fix: don't select twice")},
		"steps": []any{object{"name": "Install", "command": "npm ci", "ms": p.n(99999)}, object{"name": "Test", "command": "npm test -- --ci", "exit": p.n(2)}, object{"name": "Image", "image": "node:20-alpine"}},
		"env":   object{"CI": "true", "NODE_ENV": "test"}, "artifacts": []any{"dist/app-1.2.3.tgz", "coverage/lcov-report/index.html"}, "url": "https://ci.example.com/acme/shop/builds/" + fmt.Sprint(p.n(9999)),
	})
}

// awsEvents are events as AWS itself makes them, with ordinary content.
func awsEvents(p *phrases) (string, []byte) {
	if p.chance(2) {
		slot := pick(p.rng, slots()...)
		return slot.trigger, compact(slot.make(p.slotText(slot.trigger), p.rng))
	}
	type named struct {
		trigger string
		event   func(rng *rand.Rand) object
	}
	n := pick(p.rng,
		named{"eventBridge", func(rng *rand.Rand) object {
			return object{"version": "0", "id": uuid(rng), "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "account": "111122223333", "time": "2026-04-09T12:34:56Z", "region": "us-west-1", "resources": []any{"arn:aws:ec2:us-west-1:123456789012:instance/i-" + hexID(rng, 17)}, "detail": object{"instance-id": "i-" + hexID(rng, 17), "state": "terminated"}}
		}},
		named{"eventBridge", func(rng *rand.Rand) object {
			return object{"version": "0", "id": uuid(rng), "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012", "time": "2026-04-09T12:34:56Z", "region": "us-east-1", "resources": []any{"arn:aws:events:us-east-1:123456789012:rule/my-schedule"}, "detail": object{}}
		}},
		named{"eventBridge", func(rng *rand.Rand) object {
			return object{"version": "0", "id": uuid(rng), "detail-type": "Object Created", "source": "aws.s3", "account": "123456789012", "time": "2026-04-09T12:34:56Z", "region": "ca-central-1", "resources": []any{"arn:aws:s3:::amzn-s3-demo-bucket1"}, "detail": object{"version": "0", "bucket": object{"name": "amzn-s3-demo-bucket1"}, "object": object{"key": "in/" + p.word("files"), "size": 5, "etag": hexID(rng, 32)}, "reason": "PutObject", "source-ip-address": publicIP(rng)}}
		}},
		named{"sns", func(rng *rand.Rand) object {
			return snsEvent(rng, "ALARM: \"5xx > 10\" in EU (Frankfurt)", string(compact(object{"AlarmName": "5xx > 10", "AlarmDescription": p.sentence("en"), "NewStateReason": "Threshold Crossed: 1 datapoint [17.0 (09/04/26 12:34:00)] was greater than the threshold (10.0).", "Trigger": object{"MetricName": "5XXError", "Namespace": "AWS/ApiGateway", "ComparisonOperator": "GreaterThanThreshold"}})))
		}},
		named{"connect", func(rng *rand.Rand) object { return connectEvent(rng, p.sentence("en")) }},
		named{"config", func(rng *rand.Rand) object {
			return object{"invokingEvent": `{"configurationItem":{"configurationItemCaptureTime":"2026-04-09T12:34:56.789Z","awsAccountId":"123456789012","configurationItemStatus":"OK","resourceId":"i-0123","resourceType":"AWS::EC2::Instance","tags":{"Name":"web & api"}},"messageType":"ConfigurationItemChangeNotification"}`, "ruleParameters": `{"maxAge":"30"}`, "resultToken": p.base64ish(40), "eventLeftScope": false, "executionRoleArn": "arn:aws:iam::123456789012:role/config-role", "configRuleArn": "arn:aws:config:us-east-1:123456789012:config-rule/config-rule-0123456", "configRuleName": "change-triggered", "configRuleId": "config-rule-0123456", "accountId": "123456789012", "version": "1.0"}
		}},
		named{"webSocketConnect", func(rng *rand.Rand) object {
			r := request{method: "GET", headers: p.browserHeaders(), cookies: p.vendorCookies(), query: "room=7&token=" + p.base64ish(40)}
			return r.webSocketConnect(rng)
		}},
		named{"authorizer", func(rng *rand.Rand) object {
			r := p.client("GET", "/pets/17")
			r.query = "q=" + formEncoded(p.term(), rng)
			return r.authorizer(rng)
		}},
		named{"dynamodb", func(rng *rand.Rand) object { return dynamoEvent(rng, p.sentence(p.language())) }},
		named{"cognito", func(rng *rand.Rand) object { return cognitoEvent(rng, p.word("names"), "web/1.2") }},
		named{"direct", func(_ *rand.Rand) object {
			return object{"name": p.word("names"), "job": "report", "args": []any{"--from", "2026-01-01", "--city", p.word("cities")}, "callback": "https://hooks.example.com/done?id=17"}
		}},
		named{"kafka", func(rng *rand.Rand) object {
			return kafkaEvent(rng, "order-"+fmt.Sprint(p.n(99)), string(compact(object{"note": p.sentence(p.language()), "to": p.address()})), "trace-1")
		}},
	)
	return n.trigger, compact(n.event(p.rng))
}
