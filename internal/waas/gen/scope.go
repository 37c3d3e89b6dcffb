package main

import (
	"strings"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

// family is one file of the Core Rule Set and the class of the attacks that its rules find.
type family struct {
	file  string
	class rules.Class
}

// families lists the files that are compiled.
func families() []family {
	return []family{
		{"REQUEST-913-SCANNER-DETECTION.conf", rules.AttackTools},
		{"REQUEST-920-PROTOCOL-ENFORCEMENT.conf", rules.MalformedRequest},
		{"REQUEST-921-PROTOCOL-ATTACK.conf", rules.MalformedRequest},
		{"REQUEST-922-MULTIPART-ATTACK.conf", rules.MalformedRequest},
		{"REQUEST-930-APPLICATION-ATTACK-LFI.conf", rules.LFI},
		{"REQUEST-931-APPLICATION-ATTACK-RFI.conf", rules.LFI},
		{"REQUEST-932-APPLICATION-ATTACK-RCE.conf", rules.CMDi},
		{"REQUEST-933-APPLICATION-ATTACK-PHP.conf", rules.CodeInjection},
		{"REQUEST-934-APPLICATION-ATTACK-GENERIC.conf", rules.CodeInjection},
		{"REQUEST-941-APPLICATION-ATTACK-XSS.conf", rules.XSS},
		{"REQUEST-942-APPLICATION-ATTACK-SQLI.conf", rules.SQLi},
		// A session is fixed by a script or a link that the victim follows: what guards against XSS guards here too.
		{"REQUEST-943-APPLICATION-ATTACK-SESSION-FIXATION.conf", rules.XSS},
		{"REQUEST-944-APPLICATION-ATTACK-JAVA.conf", rules.CodeInjection},
	}
}

// classes lists the rules whose class isn't their family's.
func classes() map[int]rules.Class {
	return map[int]rules.Class{
		921200: rules.CodeInjection, // LDAP injection: a query language, not the protocol
		932170: rules.Shellshock,
		932171: rules.Shellshock,
	}
}

// classTag is the tag by which an own rule names its class.
const classTag = "autodefend/class/"

// ownClass returns the class that an own rule's tag names.
func ownClass(rule *secRule) (rules.Class, error) {
	for _, tag := range rule.actions.tags {
		name, found := strings.CutPrefix(tag, classTag)
		if !found {
			continue
		}
		for class := range rules.Class(rules.Classes) {
			if class.String() == name {
				return class, nil
			}
		}
		return 0, rule.place.errorf("there is no class %q", name)
	}
	return 0, rule.place.errorf("no tag %s... names the rule's class", classTag)
}

// strictInstead lists the rules that the Core Rule Set has at its first paranoia level and that we run at the strict
// level only, each with the reason. They enforce a policy that suits a web site; what they call a fault is ordinary
// for functions behind an API.
func strictInstead() map[int]string {
	return map[int]string{
		920170: "a GET with a body is unusual, but search APIs take it",
		920171: "the gateway ends the transfer encoding; what is left of the header does no harm",
		920181: "the gateway has settled which of the two lengths counts",
		920330: "programs that call APIs send empty User-Agent headers",
		920340: "programs that call APIs leave the Content-Type out",
		920350: "health checks and callers within a network use addresses as host names",
		920420: "which content types an API takes is its own business: GraphQL, patches, binary uploads, vendor types",
		920440: "paths of APIs end in domain names, mail addresses and file names with any extension",
		920450: "compressed uploads send Content-Encoding, and large ones Expect",
		920640: "programs that call APIs leave the Content-Type out",
		922120: "widespread HTTP libraries send Content-Transfer-Encoding with every part",
		943120: "programs that call APIs send no Referer, and session_id is an ordinary parameter",
	}
}

// leftOut lists the rules of the first two paranoia levels that aren't compiled, each with the reason.
func leftOut() map[int]string {
	const (
		framing = "an event holds no raw request: the gateway has parsed it and answered what is no HTTP"
		missing = "events of tests, consoles and other services carry few headers; a missing one is no attack"
		off     = "off in the Core Rule Set's default setup; the decoder's limits do this and report it"
	)
	return map[int]string{
		920100: framing,
		920180: framing,
		920250: "off in the Core Rule Set's default setup; the decoder reports invalid UTF-8",
		920280: missing,
		920310: missing,
		920311: missing,
		920320: missing,
		920360: off,
		920370: off,
		920380: off,
		920390: off,
		920400: off,
		920410: off,
		922140: "resets the counter that names what 922150 notes; 922150 is compiled into 922110, without the counter",
		941010: "keeps the XSS rules away from file names of plain characters; compiled into those that could match one",
	}
}

// plainNames are the bytes of the file names that rule 941010 keeps the XSS rules away from.
const plainNames = "20,45-47,48-57,65-90,95,97-122"

// mindsPlainNames lists the XSS rules that could match such a file name, like /docs/xhtml. The others need a character
// that it can't have.
func mindsPlainNames() []int { return []int{941130, 941180} }
