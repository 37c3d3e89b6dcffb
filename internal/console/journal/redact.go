package journal

import "strings"

// redacted stands for a secret.
const redacted = "[redacted]"

// Redact returns JSON without its secrets, on one line; "" of nothing and of what isn't JSON.
func Redact(raw []byte) string {
	v, ok := decode(raw)
	if _, bad := v.(notJSON); !ok || bad {
		return ""
	}
	return show(v, 0)
}

// redact returns a value with the values of secret members replaced.
func redact(v any, depth int) any {
	if depth > maxDepth {
		return "..."
	}
	switch v := v.(type) {
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, member := range v {
			if secret(name) && !empty(member) {
				clean[name] = redacted
				continue
			}
			clean[name] = redact(member, depth+1)
		}
		return clean
	case []any:
		clean := make([]any, len(v))
		for i, e := range v {
			clean[i] = redact(e, depth+1)
		}
		return clean
	default:
		return v
	}
}

// empty tells that a member says nothing, so that nothing needs hiding.
func empty(v any) bool {
	switch v := v.(type) {
	case nil, bool:
		return true
	case string:
		return v == ""
	default:
		return false
	}
}

// secret tells from its name that a member's value mustn't be seen. It rather hides too much.
func secret(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "plain", "encrypted", "sealed", "hash", "salt", "license", "integrationkey", "authtoken", "routingkey":
		return true
	}
	for _, part := range []string{"password", "passwd", "passphrase", "secret", "token", "privatekey", "private_key", "apikey", "api_key", "accesskey", "access_key", "webhookurl", "webhook_url", "authorization", "cookie"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
