package autodefend

import (
	"encoding/json"
	"strings"
	"testing"
)

// partitions are AWS's, each with a region of its own.
func partitions() map[string]string {
	return map[string]string{
		"aws": "eu-west-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-east-1", "aws-iso": "us-iso-east-1",
		"aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1", "aws-eusc": "eusc-de-east-1",
	}
}

func TestParseFunctionARN(t *testing.T) {
	name64 := strings.Repeat("n", 64)
	for partition, region := range partitions() {
		for _, tail := range []string{"shop", "a", "A_b-9", name64, "shop:7", "shop:$LATEST", "shop:$LATEST.PUBLISHED", "shop:live_2-x"} {
			s := "arn:" + partition + ":lambda:" + region + ":123456789012:function:" + tail
			a, err := ParseFunctionARN(s)
			if err != nil {
				t.Error(err)
				continue
			}
			name, qualifier, _ := strings.Cut(tail, ":")
			if want := (FunctionARN{partition, region, "123456789012", name, qualifier}); a != want || a.String() != s {
				t.Errorf("%s: %+v, want %+v", s, a, want)
			}
		}
	}
}

func TestParseFunctionARNMalformed(t *testing.T) {
	tests := []struct{ s, want string }{
		{"", "7 or 8 parts"},
		{"shop", "7 or 8 parts"},
		{"123456789012:function:shop", "7 or 8 parts"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:shop:1:2", "have 9"},
		{"urn:aws:lambda:eu-west-1:123456789012:function:shop", "arn:PARTITION"},
		{"arn:azure:lambda:eu-west-1:123456789012:function:shop", "arn:PARTITION"},
		{"arn::lambda:eu-west-1:123456789012:function:shop", "arn:PARTITION"},
		{"arn:aws-:lambda:eu-west-1:123456789012:function:shop", "arn:PARTITION"},
		{"arn:aws:s3:eu-west-1:123456789012:function:shop", "isn't an ARN of a Lambda function"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:shop", "isn't an ARN of a Lambda function"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:shop:1", "isn't an ARN of a Lambda function"},
		{"arn:aws:lambda::123456789012:function:shop", "region"},
		{"arn:aws:lambda:europe:123456789012:function:shop", "region"},
		{"arn:aws:lambda:EU-WEST-1:123456789012:function:shop", "region"},
		{"arn:aws:lambda:eu-west-123:123456789012:function:shop", "region"},
		{"arn:aws:lambda:eu-west-1\n:123456789012:function:shop", "region"},
		{"arn:aws:lambda:eu-west-1:12345678901:function:shop", "12 digits"},
		{"arn:aws:lambda:eu-west-1:1234567890123:function:shop", "12 digits"},
		{"arn:aws:lambda:eu-west-1:12345678901x:function:shop", "12 digits"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:", "name"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:a.b", "name"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:*", "name"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:" + strings.Repeat("n", 65), "64 characters"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:shop:", "qualifier"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:shop:$NEWEST", "qualifier"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:shop:a b", "qualifier"},
		{strings.Repeat("x", 10_000), "…"},
	}
	for _, tt := range tests {
		a, err := ParseFunctionARN(tt.s)
		if a != (FunctionARN{}) || ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), tt.want) || ErrorHint(err) == "" {
			t.Errorf("%q: %+v, error %v, want an invalid one with %q", tt.s, a, err, tt.want)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}

func TestFunctionARNText(t *testing.T) {
	const s = "arn:aws-cn:lambda:cn-north-1:123456789012:function:shop:live"
	var a FunctionARN
	if err := json.Unmarshal([]byte(`"`+s+`"`), &a); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(a); err != nil || string(b) != `"`+s+`"` {
		t.Errorf("%s, %v, want %q", b, err, s)
	}
	before := a
	if err := a.UnmarshalText([]byte("shop")); err == nil || a != before {
		t.Errorf("error %v, and the ARN is %v now", err, a)
	}
}

func TestParseLayerARN(t *testing.T) {
	for partition, region := range partitions() {
		for _, name := range []string{"libs", "A_b-9", strings.Repeat("n", 140)} {
			s := "arn:" + partition + ":lambda:" + region + ":123456789012:layer:" + name + ":17"
			a, err := ParseLayerARN(s)
			if want := (LayerARN{partition, region, "123456789012", name, 17}); err != nil || a != want || a.String() != s || LayerName(s) != name {
				t.Errorf("%s: %+v, error %v, want %+v", s, a, err, want)
			}
		}
		s := "arn:" + partition + ":lambda:::awslayer:AmazonLinux1803"
		a, err := ParseLayerARN(s)
		if want := (LayerARN{Partition: partition, Name: "AmazonLinux1803"}); err != nil || a != want || a.String() != s || LayerName(s) != "AmazonLinux1803" {
			t.Errorf("%s: %+v, error %v, want %+v", s, a, err, want)
		}
	}
}

func TestParseLayerARNMalformed(t *testing.T) {
	tests := []struct{ s, want string }{
		{"", "arn:PARTITION"},
		{"arn", "arn:PARTITION"},
		{"urn:aws:lambda:eu-west-1:123456789012:layer:libs:1", "arn:PARTITION"},
		{"arn:gcp:lambda:eu-west-1:123456789012:layer:libs:1", "arn:PARTITION"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs", "isn't an ARN of a layer version"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:1:2", "isn't an ARN of a layer version"},
		{"arn:aws:lambda:eu-west-1:123456789012:function:libs:1", "isn't an ARN of a layer version"},
		{"arn:aws:lambda:eu-west-1:123456789012:awslayer:libs", "isn't an ARN of a layer version"},
		{"arn:aws:lambda:::awslayer:a b", "isn't an ARN of a layer version"},
		{"arn:aws:lambda:::awslayer:", "isn't an ARN of a layer version"},
		{"arn:aws:s3:::awslayer:libs", "isn't an ARN of a layer version"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:", "positive number"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:0", "positive number"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:-1", "positive number"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:+1", "positive number"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:01", "positive number"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:1.0", "positive number"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:libs:9223372036854775808", "positive number"},
		{"arn:aws:lambda:europe:123456789012:layer:libs:1", "region"},
		{"arn:aws:lambda:eu-west-1:12345:layer:libs:1", "12 digits"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer::1", "name"},
		{"arn:aws:lambda:eu-west-1:123456789012:layer:" + strings.Repeat("n", 141) + ":1", "name"},
	}
	for _, tt := range tests {
		a, err := ParseLayerARN(tt.s)
		if a != (LayerARN{}) || ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), tt.want) || ErrorHint(err) == "" {
			t.Errorf("%q: %+v, error %v, want an invalid one with %q", tt.s, a, err, tt.want)
		}
		if name := LayerName(tt.s); name != "" {
			t.Errorf("%q has the layer name %q", tt.s, name)
		}
	}
}

func TestValidRegionAndAccount(t *testing.T) {
	for partition, region := range partitions() {
		if !ValidRegion(region) {
			t.Errorf("%s of %s isn't a region", region, partition)
		}
	}
	for _, s := range []string{"", "all", "eu-west", "eu_west_1", "eu-west-1a", " eu-west-1", "eu-west-1\n"} {
		if ValidRegion(s) {
			t.Errorf("%q is a region", s)
		}
	}
	for s, want := range map[string]bool{"123456789012": true, "000000000000": true, "": false, "12345678901": false, "١٢٣٤٥٦٧٨٩٠١٢": false} {
		if ValidAccount(s) != want {
			t.Errorf("account %q: %t, want %t", s, !want, want)
		}
	}
}

func FuzzParseFunctionARN(f *testing.F) {
	for partition, region := range partitions() {
		f.Add("arn:" + partition + ":lambda:" + region + ":123456789012:function:shop")
	}
	f.Add("arn:aws:lambda:eu-west-1:123456789012:function:shop:$LATEST")
	f.Add("arn:aws:lambda:eu-west-1:123456789012:layer:shop:1")
	f.Add(":::::::")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseFunctionARN(s)
		if err != nil {
			if ErrorCode(err) != CodeInvalid || a != (FunctionARN{}) {
				t.Fatalf("%q: %+v, error %v", s, a, err)
			}
			return
		}
		if a.String() != s || !ValidRegion(a.Region) || !ValidAccount(a.Account) {
			t.Fatalf("%q was read as %q", s, a)
		}
	})
}

func FuzzParseLayerARN(f *testing.F) {
	for partition, region := range partitions() {
		f.Add("arn:" + partition + ":lambda:" + region + ":123456789012:layer:libs:7")
		f.Add("arn:" + partition + ":lambda:::awslayer:libs")
	}
	f.Add("arn:aws:lambda:eu-west-1:123456789012:layer:libs:007")
	f.Add("arn:aws")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseLayerARN(s)
		if err != nil {
			if ErrorCode(err) != CodeInvalid || a != (LayerARN{}) || LayerName(s) != "" {
				t.Fatalf("%q: %+v, error %v", s, a, err)
			}
			return
		}
		if a.String() != s || LayerName(s) != a.Name || a.Name == "" {
			t.Fatalf("%q was read as %q", s, a)
		}
	})
}
