package notify

import (
	"strings"
	"unicode"

	"github.com/autodefend/autodefend/internal/api"
)

// clean returns a text on one line: control characters, line ends of Unicode and what isn't UTF-8 become spaces. It has
// at most so many characters.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	return cut(strings.TrimSpace(s), most)
}

// cut bounds a text to so many characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	count, last := 0, 0 // last is where the character begins that gives way to the ellipsis
	for i := range s {
		if count == most-1 {
			last = i
		}
		if count == most {
			return s[:last] + "…"
		}
		count++
	}
	return s
}

// subject is the alert in one line.
func subject(alert api.Alert) string {
	first := alert.First()
	var b strings.Builder
	if alert.Test {
		b.WriteString("[test] ")
	}
	b.WriteString(alert.Kind.Title())
	if first.Blocked() {
		b.WriteString(" stopped")
	} else {
		b.WriteString(" alert")
	}
	if first.Function != "" {
		b.WriteString(" in " + first.Function)
	}
	if first.Region != "" {
		b.WriteString(" (" + first.Region + ")")
	}
	if first.AttackType != "" {
		b.WriteString(": " + first.AttackType)
	}
	return clean(b.String(), 140)
}

// fact is a name and value for people.
type fact struct{ name, value string }

// facts are what people want to know of an audit besides its message.
func facts(a api.AlertAudit) []fact {
	all := []fact{
		{"Function", a.Function},
		{"Region", a.Region},
		{"Account", a.Account},
		{"Rule", a.Rule},
		{"Type", a.Type},
		{"Attack", a.AttackType},
		{"Effect", a.Effect},
		{"Severity", severityOf(a)},
		{"Runtime", a.Runtime},
		{"Request", a.RequestID},
	}
	var known []fact
	for _, f := range all {
		if f.value != "" {
			known = append(known, fact{f.name, clean(f.value, 256)})
		}
	}
	return known
}

// severityOf is the audit's severity; the firewall's audits have none, and count as medium.
func severityOf(a api.AlertAudit) string {
	switch a.Severity {
	case "low", "medium", "high":
		return a.Severity
	default:
		return "medium"
	}
}
