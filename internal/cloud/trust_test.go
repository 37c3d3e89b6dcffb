package cloud

import (
	"net/url"
	"testing"
)

func TestTrustsEdge(t *testing.T) {
	tests := []struct {
		name, policy string
		want, bad    bool
	}{
		{"lambda only", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, false, false},
		{"one service", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"edgelambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, true, false},
		{"list of services", `{"Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","edgelambda.amazonaws.com"]},"Action":["sts:AssumeRole"]}]}`, true, false},
		{"statement without a list", `{"Statement":{"Effect":"Allow","Principal":{"Service":"edgelambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`, true, false},
		{"second statement", `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"Service":"edgelambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, true, false},
		{"wild action", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"edgelambda.amazonaws.com"},"Action":"sts:*"}]}`, true, false},
		{"other case", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"edgelambda.amazonaws.com"},"Action":"STS:assumeRole"}]}`, true, false},
		{"other action", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"edgelambda.amazonaws.com"},"Action":"sts:TagSession"}]}`, false, false},
		{"denied", `{"Statement":[{"Effect":"Deny","Principal":{"Service":"edgelambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, false, false},
		{"everybody", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`, true, false},
		{"no statement", `{"Version":"2012-10-17"}`, false, false},
		{"no JSON", `<policy/>`, false, true},
		{"empty", ``, false, true},
		{"a principal of another type", `{"Statement":[{"Effect":"Allow","Principal":7,"Action":"sts:AssumeRole"}]}`, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, document := range []string{url.PathEscape(tt.policy), tt.policy} {
				got, err := trustsEdge(document)
				if got != tt.want || (err != nil) != tt.bad {
					t.Errorf("trustsEdge(%s) = %t, %v; want %t, error %t", document, got, err, tt.want, tt.bad)
				}
			}
		})
	}
	if _, err := trustsEdge("%zz"); err == nil {
		t.Error("a broken escape is no error")
	}
}

func FuzzTrustsEdge(f *testing.F) {
	f.Add(`%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%7D%7D`)
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":{"Service":["edgelambda.amazonaws.com"]},"Action":"sts:*"}]}`)
	f.Add(`{"Statement":[[]]}`)
	f.Fuzz(func(t *testing.T, document string) {
		trusted, err := trustsEdge(document)
		if trusted && err != nil {
			t.Error("an unreadable policy is trusted")
		}
	})
}
