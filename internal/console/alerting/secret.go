package alerting

import (
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// maxDepth bounds how deep a profile is searched for secrets; what is deeper is refused.
const maxDepth = 20

// secrets are the secrets of a profile by path, with the value that was written; "" means the one that is stored.
type secrets map[string]string

// takeSecrets replaces the secrets in a profile's members by [api.SecretKept] and returns them. Secrets are Prisma's
// common.Secret wherever it stands, also in the settings of channels that we don't know, and texts whose name says so.
func takeSecrets(members map[string]any) (secrets, error) {
	taken := make(secrets)
	return taken, taken.object("", members, 0)
}

func (s secrets) object(path string, members map[string]any, depth int) error {
	if depth > maxDepth {
		return autodefend.Errorf(autodefend.CodeInvalid, "%s: is nested too deep", path)
	}
	if s.secretObject(path, members) {
		return nil
	}
	for name, value := range members {
		at := strings.TrimPrefix(path+"."+strings.ToLower(name), ".")
		if text, ok := value.(string); ok && isSecret(name) {
			members[name] = s.text(at, text)
			continue
		}
		if err := s.value(at, value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (s secrets) value(path string, value any, depth int) error {
	switch value := value.(type) {
	case map[string]any:
		return s.object(path, value, depth)
	case []any:
		for i, element := range value {
			if err := s.value(path+"["+strconv.Itoa(i)+"]", element, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// text takes a secret that is a text and returns what stands in its place.
func (s secrets) text(path, text string) string {
	switch text {
	case "":
		return ""
	case api.SecretKept:
		s[path] = ""
	default:
		s[path] = text
	}
	return api.SecretKept
}

// secretObject takes a common.Secret: an object with plain or encrypted.
func (s secrets) secretObject(path string, members map[string]any) bool {
	var plain, encrypted string
	found := false
	for name, value := range members {
		text, isText := value.(string)
		switch {
		case strings.EqualFold(name, "plain") && isText:
			plain, found = text, true
		case strings.EqualFold(name, "encrypted") && isText:
			encrypted, found = text, true
		}
	}
	if !found {
		return false
	}
	deleteFolded(members, "plain")
	deleteFolded(members, "encrypted")
	if plain == "" && encrypted == "" {
		return true
	}
	members["encrypted"] = api.SecretKept
	s[path] = plain
	if plain == api.SecretKept {
		s[path] = ""
	}
	return true
}

// isSecret tells from a member's name that its text is a secret. Names of addresses and ids aren't meant, but Slack's
// address is one.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	if name == "webhookurl" {
		return true
	}
	for _, end := range []string{"password", "secret", "token", "apikey", "integrationkey", "routingkey", "accesskey", "privatekey", "authkey"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// place binds a sealed secret to its profile and path.
func place(profile, path string) []byte {
	return []byte("alertProfile\x00" + profile + "\x00" + path)
}

// seal makes the sealed secrets of a profile from what was written and, where that says to keep them, from those of the
// profile before, which may have had another name.
func (s *Service) seal(name string, taken secrets, before *profile) (map[string][]byte, error) {
	sealed := make(map[string][]byte, len(taken))
	for path, plain := range taken {
		switch {
		case plain != "":
			sealed[path] = s.vault.Seal([]byte(plain), place(name, path))
		case before == nil || before.sealed.Secrets[path] == nil:
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s: there is no secret to keep", path).
				WithHint("%s stands for a secret that is stored; write the secret itself", api.SecretKept)
		case before.Name == name:
			sealed[path] = before.sealed.Secrets[path]
		default:
			value, err := s.open(before, path)
			if err != nil {
				return nil, err
			}
			sealed[path] = s.vault.Seal([]byte(value), place(name, path))
		}
	}
	return sealed, nil
}

// open returns a secret of a profile, "" when it has none there.
func (s *Service) open(p *profile, path string) (string, error) {
	sealed, ok := p.sealed.Secrets[path]
	if !ok {
		return "", nil
	}
	plain, err := s.vault.Open(sealed, place(p.Name, path))
	if err != nil {
		return "", &autodefend.Error{
			Code: autodefend.CodeInvalid, Message: path + ": the secret can't be opened", Err: err,
			Hint: "write it again; the master key may be another one than it was written with",
		}
	}
	return string(plain), nil
}
