package policy

import (
	"slices"

	"github.com/autodefend/autodefend"
)

// DefaultBodyBytes is how much of an event's body is inspected unless the policy says otherwise, in bytes.
const DefaultBodyBytes = 131072

// waasID is the id of a firewall policy.
const waasID = "serverlessAppFirewall"

// WAASPolicy is Prisma's waas.Policy for functions: the rules of the firewall in order of priority.
type WAASPolicy struct {
	kept

	ID               string // "serverlessAppFirewall"
	MinPort, MaxPort int    // mean nothing for functions
	Rules            []WAASRule
}

// WAASRule is Prisma's waas.Rule. Members that mean nothing for a function are kept as they were.
type WAASRule struct {
	kept

	Name         string // unique in the policy
	PreviousName string // only when written to a Console, to rename
	Notes        string
	Owner        string // set by the Console
	Modified     string // set by the Console, RFC 3339
	Disabled     bool
	// ReadTimeoutSeconds is a proxy's time limit, and there is no proxy in a function: see [WAASExtension.BudgetMS].
	ReadTimeoutSeconds int
	// Collections are the rule's scope: one of them must match. None means every function.
	Collections []Collection
	// Applications is "applicationsSpec". A function is one application: the first counts.
	Applications []WAASApplication
	// Own are our additions, which Prisma's clients carry along without reading.
	Own WAASExtension
}

// WAASApplication is Prisma's waas.ApplicationSpec: what is looked for, and what happens then.
type WAASApplication struct {
	kept

	AppID string
	// What is looked for. Without an effect a class is off.
	SQLi, XSS, CMDi, LFI, CodeInjection, AttackTools, Shellshock Protection
	// MalformedRequest is "malformedReq".
	MalformedRequest Protection
	Body             BodyConfig
	// BlockResponse, "customBlockResponse", is the answer to a refused request.
	BlockResponse BlockResponse
	// CustomRules refer to rules of the Console by their number, which functions aren't given: see
	// [WAASExtension.CustomRules].
	CustomRules []CustomRule
	// HideEventID, "disableEventIDHeader", leaves the audit's event id out of the answer to a refused request.
	HideEventID bool
}

// Protection is Prisma's waas.ProtectionConfig: the effect of one class of attacks, and where it's not looked for.
type Protection struct {
	kept

	Effect     autodefend.Effect // as written; [WAASRule.Effect] says what happens
	Exceptions []WAASException   // "exceptionFields"
}

// BodyConfig is Prisma's waas.BodyConfig.
type BodyConfig struct {
	kept

	// SizeBytes, "inspectionSizeBytes", is how much of a body is inspected; 0 means [DefaultBodyBytes].
	SizeBytes int
	// Skip leaves bodies alone.
	Skip bool
	// LimitEffect, "inspectionLimitExceededEffect", is the effect on events that are larger. Empty means alert.
	LimitEffect autodefend.Effect
}

// BlockResponse is Prisma's waas.CustomBlockResponseConfig. Triggers that want a response object get it.
type BlockResponse struct {
	kept

	Enabled bool
	Code    int    // HTTP status code; 0 means 403
	Body    string // empty means a short JSON object with the request's id
}

// NewWAASRule returns what a new rule of the firewall is: for all functions, an alert for every class of attacks. Bodies
// are inspected up to [DefaultBodyBytes].
func NewWAASRule(name string) WAASRule {
	app := WAASApplication{Body: BodyConfig{SizeBytes: DefaultBodyBytes, LimitEffect: autodefend.Alert}}
	for _, class := range autodefend.AttackClasses() {
		app.Protection(class).Effect = autodefend.Alert
	}
	return WAASRule{
		Name:         name,
		Collections:  []Collection{AllFunctions()},
		Applications: []WAASApplication{app},
	}
}

// Application returns what the rule says of the function; nil when it says nothing, and then nothing is looked for.
func (r *WAASRule) Application() *WAASApplication {
	if len(r.Applications) == 0 {
		return nil
	}
	return &r.Applications[0]
}

// Protection returns what is said about one class; nil for a class that has none, such as a custom rule's.
func (a *WAASApplication) Protection(class autodefend.AttackClass) *Protection {
	all := a.protections()
	if i := slices.IndexFunc(all, func(p classProtection) bool { return p.class == class }); i >= 0 {
		return all[i].to
	}
	return nil
}

// classProtection is the member of an application that a class has.
type classProtection struct {
	class autodefend.AttackClass
	name  string
	to    *Protection
}

// protections lists the members of classes in the order in which they're written.
func (a *WAASApplication) protections() []classProtection {
	return []classProtection{
		{autodefend.ClassSQLi, "sqli", &a.SQLi},
		{autodefend.ClassXSS, "xss", &a.XSS},
		{autodefend.ClassCMDi, "cmdi", &a.CMDi},
		{autodefend.ClassLFI, "lfi", &a.LFI},
		{autodefend.ClassCodeInjection, "codeInjection", &a.CodeInjection},
		{autodefend.ClassAttackTools, "attackTools", &a.AttackTools},
		{autodefend.ClassShellshock, "shellshock", &a.Shellshock},
		{autodefend.ClassMalformedRequest, "malformedReq", &a.MalformedRequest},
	}
}

// InspectedBytes returns how much of a body is inspected.
func (b *BodyConfig) InspectedBytes() int {
	switch {
	case b.Skip:
		return 0
	case b.SizeBytes > 0:
		return b.SizeBytes
	default:
		return DefaultBodyBytes
	}
}

func (p *WAASPolicy) walk(f *fields) {
	f.text("_id", &p.ID)
	f.number("minPort", &p.MinPort)
	f.number("maxPort", &p.MaxPort)
	list(f, "rules", &p.Rules)
}

func (r *WAASRule) walk(f *fields) {
	f.text("name", &r.Name)
	if !f.terse {
		f.text("previousName", &r.PreviousName)
		f.text("notes", &r.Notes)
		f.text("owner", &r.Owner)
		f.text("modified", &r.Modified)
		f.number("readTimeoutSeconds", &r.ReadTimeoutSeconds)
		list(f, "collections", &r.Collections)
	}
	f.flag("disabled", &r.Disabled)
	if f.terse && len(r.Applications) > 1 {
		first := r.Applications[:1]
		list(f, "applicationsSpec", &first)
	} else {
		list(f, "applicationsSpec", &r.Applications)
	}
	f.object("autodefend", &r.Own)
}

func (a *WAASApplication) walk(f *fields) {
	f.text("appID", &a.AppID)
	for _, p := range a.protections() {
		f.object(p.name, p.to)
	}
	f.object("body", &a.Body)
	f.object("customBlockResponse", &a.BlockResponse)
	if !f.terse {
		list(f, "customRules", &a.CustomRules)
	}
	f.flag("disableEventIDHeader", &a.HideEventID)
}

func (p *Protection) walk(f *fields) {
	f.firewallEffect("effect", &p.Effect)
	list(f, "exceptionFields", &p.Exceptions)
}

func (b *BodyConfig) walk(f *fields) {
	f.number("inspectionSizeBytes", &b.SizeBytes)
	f.flag("skip", &b.Skip)
	f.firewallEffect("inspectionLimitExceededEffect", &b.LimitEffect)
}

func (b *BlockResponse) walk(f *fields) {
	f.flag("enabled", &b.Enabled)
	f.number("code", &b.Code)
	f.text("body", &b.Body)
}

// reCAPTCHA is the effect that asks a person to prove to be one.
const reCAPTCHA autodefend.Effect = "recaptcha"

// firewallEffect walks an effect of the firewall.
func (f *fields) firewallEffect(name string, to *autodefend.Effect) {
	before := len(*f.errs)
	choice(f, name, "an effect", to, autodefend.Disable, autodefend.Alert, autodefend.Prevent, autodefend.Ban, autodefend.Allow)
	if *to == reCAPTCHA && len(*f.errs) > before {
		*f.errs = (*f.errs)[:before]
		f.fail(name, "a function has no page that asks who is there: use prevent or alert", "reCAPTCHA can't be done in a function")
	}
}
