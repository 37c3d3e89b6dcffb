package lambdasim

import (
	"strings"
	"testing"
)

func TestParseFunctionRef(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want functionRef
		ok   bool
	}{
		{"fn", functionRef{name: "fn"}, true},
		{"fn:1", functionRef{name: "fn", qualifier: "1"}, true},
		{"function:fn", functionRef{name: "fn"}, true},
		{"123456789012:fn", functionRef{account: "123456789012", name: "fn"}, true},
		{"123456789012:function:fn:live", functionRef{account: "123456789012", name: "fn", qualifier: "live"}, true},
		{
			"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:fn:$LATEST",
			functionRef{partition: "aws-us-gov", region: "us-gov-west-1", account: "123456789012", name: "fn", qualifier: "$LATEST"},
			true,
		},
		{
			"arn:aws:lambda:eusc-de-east-1:123456789012:function:fn.with.dots",
			functionRef{partition: "aws", region: "eusc-de-east-1", account: "123456789012", name: "fn.with.dots"},
			true,
		},
		{"arn:aws:lambda:us-east-1::function:fn", functionRef{}, false},
		{"fn!", functionRef{}, false},
		{"", functionRef{}, false},
	} {
		got, ok := parseFunctionRef(tt.in)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %+v %v, want %+v %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseFunctionRef(f *testing.F) {
	f.Add("arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST.PUBLISHED")
	f.Add("function:function:function")
	f.Fuzz(func(t *testing.T, s string) {
		ref, ok := parseFunctionRef(s)
		if !ok {
			return
		}
		if ref.name == "" || !strings.Contains(s, ref.name) || !strings.HasSuffix(s, ref.qualifier) {
			t.Errorf("%q: %+v", s, ref)
		}
		again, ok := parseFunctionRef(ref.name)
		if !ok || again != (functionRef{name: ref.name}) {
			t.Errorf("the name %q of %q is read as %+v", ref.name, s, again)
		}
	})
}

func FuzzParseLayerArn(f *testing.F) {
	f.Add("arn:aws:lambda:us-east-1:123456789012:layer:name:12")
	f.Add("arn:aws:lambda:::awslayer:AmazonLinux1803")
	f.Fuzz(func(t *testing.T, s string) {
		ref, ok := parseLayerArn(s)
		if ok && (ref.name == "" || !ref.managed && len(ref.account) != 12) {
			t.Errorf("%q: %+v", s, ref)
		}
	})
}
