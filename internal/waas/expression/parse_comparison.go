package expression

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
)

// comparison reads an operand and what it's compared with; jwtValid stands for itself.
func (p *parser) comparison() (node, error) {
	if p.token.kind == word && p.token.text == "jwtValid" {
		o, err := p.call(nil)
		return &validJWT{o}, err
	}
	o, err := p.operand()
	if err != nil {
		return nil, err
	}
	op := p.token
	for _, keyword := range []string{"contains", "startswith", "in", "=", "!=", "<", ">", "<=", ">="} {
		found, err := p.accept(keyword)
		if err != nil {
			return nil, err
		}
		if found {
			return p.compared(o, keyword, op.at)
		}
	}
	return nil, mistake(op.at, "operators are: contains startswith in = != < > <= >=", "want an operator, have %s", op)
}

// compared reads the right side.
func (p *parser) compared(o operand, op string, at int) (node, error) {
	isList := o.attribute.shape == list
	switch op {
	case "contains":
		fits, err := p.contained(isList, o.attribute.fold)
		return &comparison{o, fits}, err
	case "startswith":
		want, err := p.string()
		return &comparison{o, begins(want, o.attribute.fold)}, err
	case "in":
		fits, err := p.members(o)
		return &comparison{o, fits}, err
	case "=", "!=":
		if isList {
			return nil, mistake(at, o.attribute.name+` contains "…" asks whether one of them is equal`, "%s are several values, and %s wants one", o.attribute.name, op)
		}
		fits, err := p.equal(o)
		if op == "!=" {
			return not{&comparison{o, fits}}, err
		}
		return &comparison{o, fits}, err
	default:
		n, err := p.integer()
		return &comparison{o, compares(op, n)}, err
	}
}

// contained reads what contains looks for: a pattern, a whole value of a list, or a part of a text.
func (p *parser) contained(isList, fold bool) (func(string) (finding, bool), error) {
	if p.token.kind == pattern {
		re, err := p.pattern()
		if err != nil {
			return nil, err
		}
		return matches(re), nil
	}
	want, err := p.string()
	if isList {
		return equals(want, fold), err
	}
	return holds(want), err
}

func (p *parser) pattern() (*regexp.Regexp, error) {
	if p.patterns++; p.patterns > MaxPatterns {
		return nil, mistake(p.token.at, "", "the expression has more than %d patterns", MaxPatterns)
	}
	re, err := policy.CompilePattern(p.token.text)
	if err != nil {
		return nil, mistake(p.token.at, "", "%s", err)
	}
	return re, p.advance()
}

// equal reads what = compares with: a number, or a string, which is an address where the operand is one.
func (p *parser) equal(o operand) (func(string) (finding, bool), error) {
	if p.token.kind == integer {
		n, err := p.integer()
		return compares("=", n), err
	}
	return p.member(o)
}

// members reads what in looks in: one value, or several in parentheses.
func (p *parser) members(o operand) (func(string) (finding, bool), error) {
	several, err := p.accept("(")
	if err != nil {
		return nil, err
	}
	if !several {
		return p.member(o)
	}
	var all []func(string) (finding, bool)
	for {
		if err := p.count(); err != nil {
			return nil, err
		}
		fits, err := p.equal(o)
		if err != nil {
			return nil, err
		}
		all = append(all, fits)
		more, err := p.accept(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return anyOf(all), p.expect(")")
		}
	}
}

// member reads one string that a value is to be equal to, or an address or network that it's to be in.
func (p *parser) member(o operand) (func(string) (finding, bool), error) {
	at := p.token.at
	want, err := p.string()
	if err != nil || o.attribute.shape != address || len(o.steps) > 0 {
		return equals(want, o.attribute.fold), err
	}
	if ip, err := netip.ParseAddr(want); err == nil {
		return among([]netip.Prefix{netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen())}), nil
	}
	network, err := netip.ParsePrefix(want)
	if err != nil {
		return nil, mistake(at, `such as "192.0.2.1" or "192.0.2.0/24"`, "%q is neither an address nor a network", want)
	}
	return among([]netip.Prefix{network.Masked()}), nil
}

func (p *parser) string() (string, error) {
	if p.token.kind != quoted {
		hint := "strings stand in double quotes"
		if p.token.kind == pattern {
			hint = "patterns follow contains"
		}
		return "", mistake(p.token.at, hint, "want a string, have %s", p.token)
	}
	text := p.token.text
	return text, p.advance()
}

func (p *parser) integer() (int64, error) {
	if p.token.kind != integer {
		return 0, mistake(p.token.at, "", "want a whole number, have %s", p.token)
	}
	n, err := strconv.ParseInt(p.token.text, 10, 64)
	if err != nil {
		return 0, mistake(p.token.at, "", "%s is too large", p.token)
	}
	return n, p.advance()
}

// operand reads an attribute, or a function of one.
func (p *parser) operand() (operand, error) {
	t := p.token
	if t.kind != word {
		return operand{}, mistake(t.at, "a comparison begins with what it looks at, such as req.path", "want an attribute or a function, have %s", t)
	}
	if strings.HasPrefix(t.text, "req.") || strings.HasPrefix(t.text, "resp.") {
		return p.attribute()
	}
	for _, f := range functions() {
		if f.name == t.text && f.apply != nil {
			return p.call(f.apply)
		}
	}
	switch t.text {
	case "unicodeDecode":
		return p.call(folding())
	case "jwtPayload":
		return p.call(jwtPayload)
	case "jwtHeader":
		return p.call(jwtHeader)
	case "jwtPayloadValue":
		return p.callWithKey(jwtPayload)
	case "jwtHeaderValue":
		return p.callWithKey(jwtHeader)
	case "jwtValid":
		return operand{}, mistake(t.at, "", "jwtValid is a condition by itself")
	}
	return operand{}, mistake(t.at, "functions are: "+strings.Join(Functions(), " ")+" jwtPayload jwtPayloadValue jwtHeader jwtHeaderValue jwtValid", "there is no %s", t)
}

// call reads a function's argument; step is what the function does, if anything.
func (p *parser) call(step func(string) string) (operand, error) {
	o, err := p.argument()
	if err != nil {
		return o, err
	}
	if step != nil {
		o.steps = append(o.steps, step)
	}
	return o, p.expect(")")
}

// callWithKey reads the arguments of a function that gives a member of a JSON object.
func (p *parser) callWithKey(object func(string) string) (operand, error) {
	o, err := p.argument()
	if err != nil {
		return o, err
	}
	if err := p.expect(","); err != nil {
		return o, err
	}
	key, err := p.string()
	if err != nil {
		return o, err
	}
	o.steps = append(o.steps, func(s string) string { return memberOf(object(s), key) })
	return o, p.expect(")")
}

// argument reads a function's name, the parenthesis and the operand.
func (p *parser) argument() (operand, error) {
	if err := p.deeper(); err != nil {
		return operand{}, err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return operand{}, err
	}
	if err := p.expect("("); err != nil {
		return operand{}, err
	}
	return p.operand()
}

// attribute reads what is asked about, with its selector.
func (p *parser) attribute() (operand, error) {
	t := p.token
	all := attributes()
	i := slices.IndexFunc(all, func(a attribute) bool { return a.name == t.text })
	switch {
	case i >= 0:
	case t.text == "req.country_code":
		return operand{}, mistake(t.at, `CloudFront tells it: req.headers["CloudFront-Viewer-Country"]`, "a function doesn't know countries")
	case strings.HasPrefix(t.text, "resp."):
		return operand{}, mistake(t.at, "", "%s: responses aren't inspected", t)
	default:
		return operand{}, mistake(t.at, "attributes are: "+strings.Join(Attributes(), " "), "there is no %s", t)
	}
	o := operand{attribute: all[i]}
	if err := p.advance(); err != nil {
		return o, err
	}
	selected, err := p.accept("[")
	if err != nil {
		return o, err
	}
	if !selected {
		if o.attribute.shape == mapping {
			return o, mistake(p.token.at, `such as `+t.text+`["name"]`, "%s wants a name in brackets", t)
		}
		return o, nil
	}
	if o.attribute.shape != mapping {
		return o, mistake(t.at, "", "%s has no names to select by", t)
	}
	if o.key, err = p.string(); err != nil {
		return o, err
	}
	return o, p.expect("]")
}
