package api

import (
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
)

// How long the texts of an audit may be, in bytes.
const (
	nameMax    = 256
	idMax      = 128
	shortMax   = 1 << 10
	urlMax     = 8 << 10
	messageMax = 16 << 10
	eventMax   = 64 << 10

	listMax  = 200
	countMax = 1_000_000_000
)

// checker looks at the members of one audit; the first problem counts. It replaces NUL characters, which PostgreSQL
// doesn't keep.
type checker struct {
	at  string
	err *autodefend.Error
}

func (c *checker) fail(member, what, hint string) {
	if c.err == nil {
		c.err = autodefend.Errorf(autodefend.CodeInvalid, "%s.%s: %s", c.at, member, what).WithHint("%s", hint)
	}
}

// result is nil, and not a nil pointer, when nothing failed.
func (c *checker) result() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

func (c *checker) text(member string, value *string, longest int) {
	if len(*value) > longest {
		c.fail(member, "is too long", "cut it to "+strconv.Itoa(longest)+" bytes")
	}
	if strings.ContainsRune(*value, 0) {
		*value = strings.ReplaceAll(*value, "\x00", "\uFFFD")
	}
}

func (c *checker) texts(member string, list []string, longest int) {
	if len(list) > listMax {
		c.fail(member, "has too many values", "send at most "+strconv.Itoa(listMax))
	}
	for i := range list {
		c.text(member+"["+strconv.Itoa(i)+"]", &list[i], longest)
	}
}

// word is a value of an enumeration that must be there.
func (c *checker) word(member, value, list string) {
	if !oneOf(list, value) {
		c.fail(member, strconv.Quote(clip(value))+" is unknown", "use one of "+values(list))
	}
}

// wordOrNone is a value of an enumeration, or "".
func (c *checker) wordOrNone(member, value, list string) {
	if value != "" {
		c.word(member, value, list)
	}
}

func (c *checker) words(member string, all []string, list string) {
	if len(all) > listMax {
		c.fail(member, "has too many values", "send at most "+strconv.Itoa(listMax))
	}
	for i, value := range all {
		c.word(member+"["+strconv.Itoa(i)+"]", value, list)
	}
}

func (c *checker) number(member string, value, most int) {
	if value < 0 || value > most {
		c.fail(member, strconv.Itoa(value)+" is out of range", "it is from 0 to "+strconv.Itoa(most))
	}
}

// id is the audit's, which must be there: an audit that comes again is known by it.
func (c *checker) id(value string) {
	const hint = "an id has 1 to 128 letters, digits and -_.:"
	if value == "" || len(value) > idMax {
		c.fail("_id", "is missing or too long", hint)
		return
	}
	for _, r := range value {
		if !strings.ContainsRune("-_.:", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			c.fail("_id", "has a character that no id has", hint)
			return
		}
	}
}

// origin checks what both streams have in common.
func (c *checker) origin(o Origin, count *int) {
	c.text("accountID", o.Account, nameMax)
	c.text("region", o.Region, nameMax)
	c.text("function", o.Function, nameMax)
	c.text("functionID", o.FunctionID, 512)
	c.text("fqdn", o.FQDN, nameMax)
	c.text("runtime", o.Runtime, nameMax)
	c.wordOrNone("provider", *o.Provider, providers)
	c.number("count", *count, countMax)
	*count = max(*count, 1)
	*o.Collections = nil // only the Console knows
}

func (a *RuntimeAudit) check(at string) error {
	c := &checker{at: at}
	c.id(a.ID)
	c.origin(a.Origin(), &a.Count)
	c.word("type", string(a.Type), runtimeTypes)
	c.word("effect", string(a.Effect), runtimeEffects)
	c.wordOrNone("attackType", string(a.AttackType), runtimeAttacks)
	c.wordOrNone("severity", string(a.Severity), runtimeSeverities)
	c.wordOrNone("tier", string(a.Tier), tiers)
	c.wordOrNone("coverage", string(a.Coverage), coverages)
	c.words("attackTechniques", a.AttackTechniques, techniques)
	c.text("command", &a.Command, urlMax)
	c.text("domain", &a.Domain, shortMax)
	c.text("err", &a.Err, messageMax)
	c.text("filepath", &a.Filepath, urlMax)
	c.text("ip", &a.IP, nameMax)
	c.text("msg", &a.Msg, messageMax)
	c.text("processPath", &a.ProcessPath, urlMax)
	c.text("requestID", &a.RequestID, nameMax)
	c.text("ruleName", &a.RuleName, shortMax)
	c.text("version", &a.Version, nameMax)
	c.number("pid", a.PID, 1<<31-1)
	c.number("port", a.Port, 65535)
	return c.result()
}

func (a *FirewallAudit) check(at string) error {
	c := &checker{at: at}
	c.id(a.ID)
	c.origin(a.Origin(), &a.Count)
	c.word("type", string(a.Type), firewallAttacks)
	c.word("effect", string(a.Effect), firewallEffects)
	c.wordOrNone("protection", string(a.Protection), protections)
	c.wordOrNone("attackField.type", a.AttackField.Type, fieldTypes)
	c.wordOrNone("owaspTop10", a.OWASPTop10, owaspTop10)
	c.wordOrNone("owaspAPITop10", a.OWASPAPITop10, owaspAPITop10)
	c.words("attackTechniques", a.AttackTechniques, techniques)
	c.texts("connectingIPs", a.ConnectingIPs, nameMax)
	c.texts("requestHeaderNames", a.RequestHeaderNames, shortMax)
	for _, t := range []struct {
		member  string
		value   *string
		longest int
	}{
		{"appID", &a.AppID, nameMax},
		{"attackField.key", &a.AttackField.Key, urlMax},
		{"attackField.value", &a.AttackField.Value, messageMax},
		{"eventID", &a.EventID, nameMax},
		{"match", &a.Match, messageMax},
		{"method", &a.Method, nameMax},
		{"msg", &a.Msg, messageMax},
		{"rawEvent", &a.RawEvent, eventMax},
		{"record", &a.FirewallAudit.Record, shortMax},
		{"requestHeaders", &a.RequestHeaders, eventMax},
		{"requestHost", &a.RequestHost, shortMax},
		{"requestID", &a.RequestID, nameMax},
		{"rule", &a.Rule, shortMax},
		{"ruleAppID", &a.RuleAppID, nameMax},
		{"ruleName", &a.RuleName, shortMax},
		{"subnet", &a.Subnet, nameMax},
		{"trigger", &a.Trigger, nameMax},
		{"url", &a.URL, messageMax},
		{"urlPath", &a.URLPath, urlMax},
		{"urlQuery", &a.URLQuery, urlMax},
		{"userAgentHeader", &a.UserAgentHeader, urlMax},
		{"version", &a.Version, nameMax},
	} {
		c.text(t.member, t.value, t.longest)
	}
	c.number("statusCode", a.StatusCode, 999)
	return c.result()
}
