package api

import (
	"testing"
	"time"
)

func TestRevokedFunctionRefuses(t *testing.T) {
	before := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		revoked                   RevokedFunction
		account, region, function string
		issued                    int64
		want                      bool
	}{
		"the same":                    {RevokedFunction{AccountID: "1", Region: "r", Function: "f"}, "1", "r", "f", 999, true},
		"issued later":                {RevokedFunction{AccountID: "1", Region: "r", Function: "f"}, "1", "r", "f", 1000, false},
		"another account":             {RevokedFunction{AccountID: "1", Region: "r", Function: "f"}, "2", "r", "f", 999, false},
		"another region":              {RevokedFunction{AccountID: "1", Region: "r", Function: "f"}, "1", "s", "f", 999, false},
		"another function":            {RevokedFunction{AccountID: "1", Region: "r", Function: "f"}, "1", "r", "g", 999, false},
		"all are revoked":             {RevokedFunction{}, "1", "r", "f", 999, true},
		"those of a region":           {RevokedFunction{Region: "r"}, "1", "r", "f", 999, true},
		"those of another region":     {RevokedFunction{Region: "s"}, "1", "r", "f", 999, false},
		"a token of any":              {RevokedFunction{AccountID: "1", Region: "r", Function: "f"}, "", "", "", 999, true},
		"a token of any account":      {RevokedFunction{AccountID: "1", Function: "f"}, "", "r", "f", 999, true},
		"a token of another function": {RevokedFunction{AccountID: "1", Function: "f"}, "", "r", "g", 999, false},
	} {
		test.revoked.Before = before
		if got := test.revoked.Refuses(test.account, test.region, test.function, test.issued); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
