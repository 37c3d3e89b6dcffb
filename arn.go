package autodefend

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// FunctionARN names one Lambda function:
// arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER].
type FunctionARN struct {
	Partition string
	Region    string
	Account   string
	Name      string
	// Qualifier is a version, an alias or $LATEST; usually empty.
	Qualifier string
}

// arnPatterns holds the compiled patterns of this file. They follow the
// validation patterns of AWS's service models, widened so that partitions and
// regions AWS adds later are accepted.
type arnPatterns struct {
	region, account, partition, function, qualifier, layer *regexp.Regexp
}

//nolint:gochecknoglobals // compiled once, read-only
var patterns = sync.OnceValue(func() arnPatterns {
	return arnPatterns{
		region:    regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-\d{1,2}$`),
		account:   regexp.MustCompile(`^\d{12}$`),
		partition: regexp.MustCompile(`^aws(-[a-z]+)*$`),
		function:  regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`),
		qualifier: regexp.MustCompile(`^(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9_-]{1,128})$`),
		layer:     regexp.MustCompile(`^[a-zA-Z0-9_-]{1,140}$`),
	}
})

// ParseFunctionARN parses a full function ARN. Partial ARNs and bare names are
// refused: they depend on who asks.
func ParseFunctionARN(s string) (FunctionARN, error) {
	const hint = "a function ARN looks like arn:aws:lambda:eu-west-1:123456789012:function:NAME"
	bad := func(what string) (FunctionARN, error) {
		return FunctionARN{}, Errorf(CodeInvalid, "function ARN %q: %s", clip(s), what).WithHint(hint)
	}
	f := strings.Split(s, ":")
	if len(f) != 7 && len(f) != 8 {
		return bad("want 7 or 8 parts separated by colons, have " + strconv.Itoa(len(f)))
	}
	p := patterns()
	a := FunctionARN{Partition: f[1], Region: f[3], Account: f[4], Name: f[6]}
	if len(f) == 8 {
		a.Qualifier = f[7]
		if !p.qualifier.MatchString(a.Qualifier) {
			return bad("the qualifier isn't a version or alias")
		}
	}
	switch {
	case f[0] != "arn" || !p.partition.MatchString(a.Partition):
		return bad("it doesn't start with arn:PARTITION")
	case f[2] != "lambda" || f[5] != "function":
		return bad("it isn't an ARN of a Lambda function")
	case !p.region.MatchString(a.Region):
		return bad("the region is malformed")
	case !p.account.MatchString(a.Account):
		return bad("the account isn't 12 digits")
	case !p.function.MatchString(a.Name):
		return bad("the name has more than 64 characters or others than letters, digits, - and _")
	}
	return a, nil
}

// String returns the ARN.
func (a FunctionARN) String() string {
	s := "arn:" + a.Partition + ":lambda:" + a.Region + ":" + a.Account + ":function:" + a.Name
	if a.Qualifier != "" {
		s += ":" + a.Qualifier
	}
	return s
}

// MarshalText renders the ARN for JSON and YAML.
func (a FunctionARN) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText parses the ARN from JSON and YAML.
func (a *FunctionARN) UnmarshalText(b []byte) error {
	parsed, err := ParseFunctionARN(string(b))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// LayerARN names one version of a layer:
// arn:PARTITION:lambda:REGION:ACCOUNT:layer:NAME:VERSION, or AWS's own
// account-less arn:PARTITION:lambda:::awslayer:NAME, which has no version.
type LayerARN struct {
	Partition string
	Region    string
	Account   string
	Name      string
	Version   int64
}

// ParseLayerARN parses the ARN of a layer version.
func ParseLayerARN(s string) (LayerARN, error) {
	const hint = "a layer version ARN looks like arn:aws:lambda:eu-west-1:123456789012:layer:NAME:7"
	bad := func(what string) (LayerARN, error) {
		return LayerARN{}, Errorf(CodeInvalid, "layer ARN %q: %s", clip(s), what).WithHint(hint)
	}
	f := strings.Split(s, ":")
	p := patterns()
	if len(f) < 2 || f[0] != "arn" || !p.partition.MatchString(f[1]) {
		return bad("it doesn't start with arn:PARTITION")
	}
	if name, ok := strings.CutPrefix(s, "arn:"+f[1]+":lambda:::awslayer:"); ok && p.layer.MatchString(name) {
		return LayerARN{Partition: f[1], Name: name}, nil
	}
	if len(f) != 8 || f[2] != "lambda" || f[5] != "layer" {
		return bad("it isn't an ARN of a layer version")
	}
	version, err := strconv.ParseInt(f[7], 10, 64)
	if err != nil || f[7][0] < '1' || f[7][0] > '9' { // no sign, no leading zero
		return bad("the version isn't a positive number")
	}
	a := LayerARN{Partition: f[1], Region: f[3], Account: f[4], Name: f[6], Version: version}
	if what := a.malformed(); what != "" {
		return bad(what)
	}
	return a, nil
}

// malformed names the first malformed part, or returns "".
func (a LayerARN) malformed() string {
	p := patterns()
	switch {
	case !p.region.MatchString(a.Region):
		return "the region is malformed"
	case !p.account.MatchString(a.Account):
		return "the account isn't 12 digits"
	case !p.layer.MatchString(a.Name):
		return "the layer's name is malformed"
	}
	return ""
}

// String returns the ARN.
func (a LayerARN) String() string {
	if a.Account == "" {
		return "arn:" + a.Partition + ":lambda:::awslayer:" + a.Name
	}
	return "arn:" + a.Partition + ":lambda:" + a.Region + ":" + a.Account + ":layer:" + a.Name + ":" + strconv.FormatInt(a.Version, 10)
}

// LayerName returns the layer's name in a layer version ARN, or "" when the
// text isn't one.
func LayerName(arn string) string {
	a, err := ParseLayerARN(arn)
	if err != nil {
		return ""
	}
	return a.Name
}

// ValidRegion reports whether s has the form of an AWS region's name. Whether
// the region exists and is enabled only AWS can say.
func ValidRegion(s string) bool { return patterns().region.MatchString(s) }

// ValidAccount reports whether s has the form of an AWS account id.
func ValidAccount(s string) bool { return patterns().account.MatchString(s) }

// clip bounds foreign text that goes into a message.
func clip(s string) string {
	const most = 160
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
