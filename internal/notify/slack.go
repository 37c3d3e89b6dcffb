package notify

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// Bounds of Slack's Block Kit, in characters, and how many of an alert's audits a message lists.
const (
	slackHeader  = 150
	slackText    = 3000
	slackFields  = 10
	slackListed  = 10
	slackSummary = 200
)

// slackMessage is what an incoming webhook takes.
type slackMessage struct {
	Channel string       `json:"channel,omitempty"`
	Text    string       `json:"text"` // for notifications
	Blocks  []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string       `json:"type"`
	Text     *slackPlain  `json:"text,omitempty"`
	Fields   []slackPlain `json:"fields,omitempty"`
	Elements []slackPlain `json:"elements,omitempty"`
}

// slackPlain is text without markup: nothing in it becomes a link, a mention or an emoji.
type slackPlain struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji bool   `json:"emoji"`
}

func plain(text string, most int) slackPlain {
	return slackPlain{Type: "plain_text", Text: cut(text, most)}
}

// slack posts an alert to an incoming webhook.
func (n *Notifier) slack(ctx context.Context, to api.SlackTarget, alert api.Alert) error {
	body, err := marshal(slackOf(to.Channel, alert))
	if err != nil {
		return err
	}
	return n.post(ctx, to.URL, "", http.Header{"Content-Type": {"application/json"}}, body)
}

// slackOf writes an alert in blocks: what, the message, the facts, and what else came.
func slackOf(channel string, alert api.Alert) slackMessage {
	first := alert.First()
	title := subject(alert)
	m := slackMessage{Channel: channel, Text: escapeSlack(title)}
	m.add("header", plain(title, slackHeader))
	if text := clean(first.Msg, slackText); text != "" {
		m.add("section", plain(text, slackText))
	}
	if fields := slackFacts(first); len(fields) > 0 {
		m.Blocks = append(m.Blocks, slackBlock{Type: "section", Fields: fields})
	}
	if rest := alert.Rest(); len(rest) > 0 {
		m.add("section", plain(slackRest(rest), slackText))
	}
	footer := "Autodefend · " + clean(alert.Profile, 128) + " · " + asffTime(first.Time)
	m.Blocks = append(m.Blocks, slackBlock{Type: "context", Elements: []slackPlain{plain(footer, slackText)}})
	return m
}

func (m *slackMessage) add(kind string, text slackPlain) {
	m.Blocks = append(m.Blocks, slackBlock{Type: kind, Text: &text})
}

func slackFacts(a api.AlertAudit) []slackPlain {
	var fields []slackPlain
	for _, f := range facts(a) {
		if len(fields) == slackFields {
			break
		}
		fields = append(fields, plain(f.name+"\n"+f.value, slackText))
	}
	return fields
}

// slackRest lists the audits after the first, and says how many aren't listed.
func slackRest(rest []api.AlertAudit) string {
	var b strings.Builder
	b.WriteString("And " + strconv.Itoa(len(rest)) + " more")
	for i, a := range rest {
		if i == slackListed {
			b.WriteString("\n… " + strconv.Itoa(len(rest)-i) + " aren't listed")
			break
		}
		b.WriteString("\n• " + clean(a.Function+": "+a.Msg, slackSummary))
	}
	return b.String()
}

// escapeSlack keeps the text of a notification, which is markup, from becoming a link or a mention.
func escapeSlack(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
