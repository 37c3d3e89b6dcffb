package corpus

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// category is one kind of ordinary traffic.
type category struct {
	name  string
	count int
	make  func(p *phrases) (trigger string, event []byte)
	// byLook marks traffic that looks like an attack to any rule: code, logs, HTML. It counts, and is listed apart.
	byLook bool
}

func categories() []category {
	return []category{
		{name: "orders", count: 300, make: orders},
		{name: "users", count: 300, make: users},
		{name: "comments", count: 560, make: comments},
		{name: "search", count: 320, make: search},
		{name: "forms", count: 280, make: forms},
		{name: "graphql", count: 200, make: graphql},
		{name: "uploads", count: 180, make: uploads},
		{name: "documents", count: 100, make: documents},
		{name: "mails", count: 110, make: mails},
		{name: "chat", count: 180, make: chat},
		{name: "tokens", count: 160, make: tokens},
		{name: "oauth", count: 120, make: oauth},
		{name: "redirects", count: 100, make: redirects},
		{name: "webhooks", count: 160, make: webhooks},
		{name: "telemetry", count: 160, make: telemetry},
		{name: "values", count: 200, make: values},
		{name: "analytics", count: 120, make: analytics},
		{name: "browsing", count: 300, make: browsing},
		{name: "crawlers", count: 60, make: crawlers},
		{name: "config", count: 90, make: configuration},
		{name: "aws", count: 240, make: awsEvents},
		{name: "ci", count: 70, make: pipelines},
		{name: "code", count: 150, make: code, byLook: true},
		{name: "logs", count: 90, make: logs, byLook: true},
		{name: "html", count: 40, make: markup, byLook: true},
	}
}

// byLook says whether a category is one that looks like attacks.
func byLook(name string) bool {
	for _, c := range categories() {
		if c.name == name {
			return c.byLook
		}
	}
	return false
}

// benignSamples makes the list of ordinary events.
func benignSamples(t testing.TB) []sample {
	t.Helper()
	var all []sample
	for i, c := range categories() {
		p := loadPhrases(t, uint64(i)+1)
		for range c.count {
			trigger, event := c.make(p)
			all = append(all, sample{Label: "benign", Technique: c.name, Trigger: trigger, event: event})
		}
	}
	return all
}

func TestBenignList(t *testing.T) {
	samples := benignSamples(t)
	triggers, distinct := map[string]int{}, map[string]bool{}
	for _, s := range samples {
		if !json.Valid(s.event) {
			t.Errorf("%s: not JSON: %.200s", s.Technique, s.event)
		}
		triggers[s.Trigger]++
		distinct[string(s.event)] = true
		if i := strings.Index(string(s.event), "{product}"); i >= 0 {
			t.Errorf("%s: unfilled: %s", s.Technique, s.event[i:])
		}
	}
	if len(distinct) < 3000 {
		t.Errorf("%d distinct events, want at least 3000", len(distinct))
	}
	t.Logf("figure: corpus: %d ordinary events in %d categories, %d distinct, %d triggers", len(samples), len(categories()), len(distinct), len(triggers))
}

// http sends r through a trigger of HTTP.
func (p *phrases) http(r request) (string, []byte) {
	trigger := pick(p.rng, httpTriggers()...)
	return trigger, r.event(trigger, p.rng)
}

// queue sends text through another trigger.
func (p *phrases) queue(text string) (string, []byte) {
	m := pick(p.rng, messages()...)
	return m.trigger, compact(m.make(text, p.rng))
}

// either sends a JSON document by HTTP, and once in four times by another trigger.
func (p *phrases) either(path string, document any) (string, []byte) {
	body := string(compact(document))
	if p.chance(3) {
		if pretty, err := json.MarshalIndent(document, "", "  "); err == nil {
			body = string(pretty)
		}
	}
	if p.chance(4) {
		return p.queue(body)
	}
	r := p.client(pick(p.rng, "POST", "PUT", "PATCH"), path)
	r.contentType, r.body = pick(p.rng, "application/json", "application/json; charset=utf-8", "application/vnd.api+json"), body
	return p.http(r)
}

// client is a request with the headers of an app or of a whole browser.
func (p *phrases) client(method, path string) request {
	r := request{method: method, path: path}
	if p.chance(3) {
		r.headers, r.cookies = p.browserHeaders(), p.vendorCookies()
		return r
	}
	r.headers = []pair{
		{"User-Agent", p.raw("agents")},
		{"Accept", pick(p.rng, "*/*", "application/json", "application/json, text/plain, */*")},
		{"Accept-Encoding", "gzip, deflate, br"},
		{"Authorization", "Bearer " + p.jwt()},
		{"Host", "api.example.com"},
		{"X-Forwarded-For", publicIP(p.rng)},
		{"X-Forwarded-Proto", "https"},
		{"X-Request-Id", uuid(p.rng)},
	}
	return r
}

// browserHeaders are the headers of a browser behind a CDN and a load balancer.
func (p *phrases) browserHeaders() []pair {
	return []pair{
		{"Host", "www.example.com"},
		{"User-Agent", pick(p.rng, p.words["agents"][:7]...)},
		{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"},
		{"Accept-Encoding", "gzip, deflate, br, zstd"},
		{"Accept-Language", pick(p.rng, "en-US,en;q=0.9,de;q=0.8", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "fr-FR,fr;q=0.9", "ja", "*")},
		{"Cache-Control", "no-cache"},
		{"Pragma", "no-cache"},
		{"DNT", "1"},
		{"Upgrade-Insecure-Requests", "1"},
		{"Origin", "https://www.example.com"},
		{"Referer", pick(p.rng, "https://www.google.com/", "https://www.example.com/search?q=coffee+%26+tea&page=2", "https://m.facebook.com/", "android-app://com.google.android.googlequicksearchbox/", "https://www.example.com/p/l'oreal-men%27s-cr%C3%A8me?ref=home#reviews")},
		{"Sec-Ch-Ua", `"Chromium";v="126", "Google Chrome";v="126", "Not-A.Brand";v="99"`},
		{"Sec-Ch-Ua-Mobile", "?0"},
		{"Sec-Ch-Ua-Platform", `"Windows"`},
		{"Sec-Fetch-Dest", "document"},
		{"Sec-Fetch-Mode", "navigate"},
		{"Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-User", "?1"},
		{"If-None-Match", `W/"` + hexID(p.rng, 8) + `-` + hexID(p.rng, 4) + `"`},
		{"If-Modified-Since", "Thu, 09 Apr 2026 12:34:56 GMT"},
		{"Via", "2.0 " + hexID(p.rng, 12) + ".cloudfront.net (CloudFront)"},
		{"X-Amz-Cf-Id", p.base64ish(54) + "=="},
		{"X-Amzn-Trace-Id", "Root=1-" + hexID(p.rng, 8) + "-" + hexID(p.rng, 24)},
		{"X-Forwarded-For", publicIP(p.rng) + ", 130.176.1.95"},
		{"X-Forwarded-Port", "443"},
		{"X-Forwarded-Proto", "https"},
		{"CloudFront-Viewer-Country", "DE"},
	}
}

// vendorCookies are cookies in the shapes of analytics, consent and session vendors.
func (p *phrases) vendorCookies() []pair {
	digits := func(n int) string { return fmt.Sprint(1000000000 + p.n(1000000000))[:n] }
	all := []pair{
		{"_ga", "GA1.2." + digits(9) + "." + digits(10)},
		{"_gid", "GA1.2." + digits(9) + "." + digits(10)},
		{"_ga_" + strings.ToUpper(hexID(p.rng, 10)), "GS1.1." + digits(10) + ".4.1." + digits(10) + ".58.0.0"},
		{"_gat_gtag_UA_" + digits(7) + "_1", "1"},
		{"_fbp", "fb.1." + digits(10) + "123." + digits(9)},
		{"_fbc", "fb.1." + digits(10) + "123.IwAR" + p.base64ish(50)},
		{"_hjSessionUser_" + digits(6), "eyJpZCI6I" + p.base64ish(80) + "="},
		{"ajs_anonymous_id", "%22" + uuid(p.rng) + "%22"},
		{"OptanonConsent", "isGpcEnabled=0&datestamp=Thu+Apr+09+2026+12%3A34%3A56+GMT%2B0200+(Central+European+Summer+Time)&version=202405.1.0&isIABGlobal=false&hosts=&landingPath=NotLandingPage&groups=C0001%3A1%2CC0002%3A1%2CC0003%3A0"},
		{"CookieConsent", "{stamp:%27" + p.base64ish(30) + "==%27%2Cnecessary:true%2Cpreferences:true%2Cstatistics:false%2Cmethod:%27explicit%27%2Cver:1}"},
		{"session", "s%3A" + p.base64ish(32) + "." + p.base64ish(42)},
		{"connect.sid", "s%3A" + p.base64ish(32) + "." + p.base64ish(43)},
		{"csrftoken", p.base64ish(32)},
		{"JSESSIONID", strings.ToUpper(hexID(p.rng, 32))},
		{"PHPSESSID", hexID(p.rng, 26)},
		{"AWSALB", p.base64ish(90) + "/" + p.base64ish(30)},
		{"AWSALBCORS", p.base64ish(90) + "+" + p.base64ish(30)},
		{"lang", "de-DE"},
		{"currency", "EUR"},
		{"cart", "%5B%7B%22id%22%3A17%2C%22qty%22%3A2%7D%5D"},
		{"__stripe_mid", uuid(p.rng) + hexID(p.rng, 6)},
		{"_gcl_au", "1.1." + digits(9) + "." + digits(10)},
		{"tz", "Europe%2FBerlin"},
	}
	p.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:3+p.n(9)]
	if p.chance(12) { // vendors of fewer sites
		all = append(all, pick(p.rng,
			pair{"mp_" + hexID(p.rng, 32) + "_mixpanel", "%7B%22distinct_id%22%3A%20%22" + uuid(p.rng) + "%22%2C%22%24initial_referrer%22%3A%20%22%24direct%22%7D"},
			pair{"intercom-session-x1", p.base64ish(60) + "--" + hexID(p.rng, 40)}, pair{"_pk_ref.1.1fff", "%5B%22%22%2C%22%22%2C1775738096%2C%22https%3A%2F%2Fwww.google.com%2F%22%5D"},
			pair{"amplitude_id_" + hexID(p.rng, 12), "eyJkZXZpY2VJZCI6I" + p.base64ish(120) + "="}, pair{"optimizelyEndUserId", "oeu1775738096000r0." + fmt.Sprint(p.n(99999999))},
		))
	}
	return all
}

// base64ish is n letters of base64url.
func (p *phrases) base64ish(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[p.n(len(letters))]
	}
	return string(b)
}

func (p *phrases) jwt() string {
	return "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOi" + p.base64ish(60+p.n(120)) + "." + p.base64ish(86)
}
