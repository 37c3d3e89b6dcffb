package expression

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestFunctions(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"lowercase", "ÄBC", "äbc"},
		{"compressWhitespace", "a \t\n b", "a b"},
		{"removeWhitespace", "a \t\n b", "ab"},
		{"urlQueryDecode", "a+b%20c%2", "a b c%2"},
		{"urlQueryDecode", "%zz%41", "%zzA"},
		{"urlPathDecode", "a+b%20c", "a+b c"},
		{"unicodeDecode", "ｓｅｌｅｃｔ “ünïön” ﬀ", `select "union" ﬀ`},
		{"unicodeDecode", "раypal", "paypal"},
		{"unicodeDecode", "中", "中"},
		{"unicodeDecode", "plain", "plain"},
		{"htmlEntityDecode", "&lt;b&#62;&amp;", "<b>&"},
		{"base64Decode", "VHJ1ZQ==", "True"},
		{"base64Decode", "VHJ1ZQ", "True"},
		{"base64Decode", "_-8", "\xff\xef"},
		{"base64Decode", "not base64", ""},
		{"replaceComments", "a/*x*/b", "a b"},
		{"removeCommentSymbols", "a/*x*/b", "axb"},
		{"removeTags", "a&lt;b&gt;c<d>", "a b c<d>"},
	} {
		all := functions()
		i := slices.IndexFunc(all, func(f function) bool { return f.name == tt.name })
		apply := all[i].apply
		if apply == nil {
			apply = folding()
		}
		if got := apply(tt.in); got != tt.want {
			t.Errorf("%s(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestValidJWT(t *testing.T) {
	const claims = `{"sub":"u"}`
	at := func(name string, d time.Duration) string {
		return `{"` + name + `":` + strconv.FormatInt(now().Add(d).Unix(), 10) + `}`
	}
	for name, tt := range map[string]struct {
		token string
		want  bool
	}{
		"plain":                      {webtoken(`{"alg":"HS256"}`, claims, 32), true},
		"with Bearer":                {"bearer " + webtoken(`{"alg":"HS256"}`, claims, 32), true},
		"empty":                      {"", false},
		"two parts":                  {"a.b", false},
		"no base64":                  {"!.!.!", false},
		"no JSON":                    {webtoken("x", claims, 32), false},
		"payload is a list":          {webtoken(`{"alg":"HS256"}`, "[]", 32), false},
		"short signature":            {webtoken(`{"alg":"HS256"}`, claims, 31), false},
		"long signature":             {webtoken(`{"alg":"ES384"}`, claims, 97), false},
		"none":                       {webtoken(`{"alg":"none"}`, claims, 0), true},
		"RSA, any length":            {webtoken(`{"alg":"RS256"}`, claims, 256), true},
		"symmetric with a key":       {webtoken(`{"alg":"HS256","jku":"https://x"}`, claims, 32), false},
		"asymmetric with a key":      {webtoken(`{"alg":"ES256","jku":"https://x"}`, claims, 64), true},
		"expired":                    {webtoken(`{"alg":"HS256"}`, at("exp", -time.Second), 32), false},
		"expires":                    {webtoken(`{"alg":"HS256"}`, at("exp", time.Second), 32), true},
		"issued":                     {webtoken(`{"alg":"HS256"}`, at("iat", -time.Second), 32), true},
		"issued tomorrow":            {webtoken(`{"alg":"HS256"}`, at("iat", time.Hour), 32), false},
		"valid from now":             {webtoken(`{"alg":"HS256"}`, at("nbf", 0), 32), true},
		"valid tomorrow":             {webtoken(`{"alg":"HS256"}`, at("nbf", time.Hour), 32), false},
		"expires when it says so":    {webtoken(`{"alg":"HS256"}`, `{"exp":"tomorrow"}`, 32), false},
		"longer than any token":      {webtoken(`{"alg":"RS256"}`, claims, maxJWT), false},
		"expires in a fraction":      {webtoken(`{"alg":"HS256"}`, `{"exp":99999999999.5}`, 32), true},
		"a member of another object": {webtoken(`{"alg":{"alg":"HS256"}}`, claims, 3), true},
	} {
		if got := jwtValid(tt.token, now()); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMemberOf(t *testing.T) {
	for name, want := range map[string]string{"s": "text", "n": "1.5", "b": "true", "null": "null", "o": `{"a":1}`, "none": ""} {
		if got := memberOf(`{"s":"text","n":1.5,"b":true,"null":null,"o":{"a":1}}`, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := memberOf("no object", "a"); got != "" {
		t.Errorf("of no object: %q", got)
	}
}
