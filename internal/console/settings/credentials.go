package settings

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) credentialRoutes() []route.Route {
	const path = "/credentials"
	return []route.Route{
		{
			Method: http.MethodGet, Path: path, Permission: api.PermManageCreds, Prisma: true, List: true,
			Summary: "Lists the credentials, without their secrets.", Response: []api.Credential{}, Handle: s.listCredentials,
			Query: []route.Param{
				{Name: "ids", Summary: "Only these.", Type: "string", Many: true},
				{Name: "cloud", Summary: "Only those of cloud providers, or only others.", Type: "boolean"},
				{Name: "external", Summary: "Only those that come from elsewhere, or only others.", Type: "boolean"},
				{Name: "autoImported", Summary: "Only those that were imported, of which there are none, or only others.", Type: "boolean"},
			},
		},
		{
			Method: http.MethodPost, Path: path, Permission: api.PermManageCreds, Write: true, Prisma: true,
			Summary: "Adds or replaces a credential. A secret that isn't given stays.", Request: api.Credential{}, Handle: s.putCredential,
		},
		{
			Method: http.MethodDelete, Path: path + "/{id}", Permission: api.PermManageCreds, Write: true, Prisma: true,
			Summary: "Deletes a credential that nothing uses.", Handle: s.deleteCredential,
		},
		{
			Method: http.MethodGet, Path: path + "/{id}/usages", Permission: api.PermManageCreds, Prisma: true,
			Summary: "Lists what uses a credential.", Response: []api.CredentialUsage{}, Handle: s.credentialUsages,
		},
	}
}

// seal encrypts a secret that belongs to something: it opens nowhere else.
func (s *Service) seal(plain, of string) string {
	return base64.StdEncoding.EncodeToString(s.Keys.Seal([]byte(plain), []byte(of)))
}

// open decrypts what seal made; "" stays "".
func (s *Service) open(sealed, of string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err == nil {
		raw, err = s.Keys.Open(raw, []byte(of))
	}
	if err != nil {
		return "", fmt.Errorf("open secret of %s: %w", of, err)
	}
	return string(raw), nil
}

// marked is what is shown of a sealed secret: that there is one, and whether it is still the same.
func marked(sealed string) string {
	if sealed == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(sealed))
	return "sealed:" + hex.EncodeToString(sum[:8])
}

// secrets are the secret members of a credential, with what they are sealed for.
func secrets(c *api.Credential) map[string]*api.CredentialSecret {
	return map[string]*api.CredentialSecret{"credential/" + c.ID + "/secret": &c.Secret, "credential/" + c.ID + "/apiToken": &c.APIToken}
}

// shown returns a credential as it's read.
func shown(c api.Credential) api.Credential {
	c.Secret.Encrypted, c.APIToken.Encrypted = marked(c.Secret.Encrypted), marked(c.APIToken.Encrypted)
	return c
}

// Credential returns a credential with its secrets opened, in their member Plain.
func (s *Service) Credential(ctx context.Context, id string) (api.Credential, error) {
	var c api.Credential
	d, err := s.storedCredential(ctx, id)
	if err != nil {
		return c, err
	}
	if err := stored(d, &c); err != nil {
		return c, err
	}
	for of, secret := range secrets(&c) {
		if secret.Plain, err = s.open(secret.Encrypted, of); err != nil {
			return api.Credential{}, err
		}
		secret.Encrypted = ""
	}
	return c, nil
}

func (s *Service) storedCredential(ctx context.Context, id string) (api.Document, error) {
	d, err := s.read(ctx, api.KindCredential, id)
	if err == nil && d.Version == 0 {
		err = autodefend.Errorf(autodefend.CodeNotFound, "there is no credential %q", clip(id)).WithHint("GET /credentials lists them")
	}
	return d, err
}

func (s *Service) listCredentials(ctx context.Context, c *route.Call) (route.Answer, error) {
	all, err := readAll[api.Credential](ctx, s, api.KindCredential)
	if err != nil {
		return route.Answer{}, err
	}
	keep, err := credentialFilter(c)
	if err != nil {
		return route.Answer{}, err
	}
	all = slices.DeleteFunc(all, func(x api.Credential) bool { return !keep(&x) })
	for i := range all {
		all[i] = shown(all[i])
	}
	return listAnswer(c, all, func(x *api.Credential) string { return x.ID + " " + x.Description + " " + x.AccountName })
}

// credentialFilter reads the parameters that choose credentials.
func credentialFilter(c *route.Call) (func(*api.Credential) bool, error) {
	cloud, wantCloud, err := flag(c, "cloud")
	if err != nil {
		return nil, err
	}
	external, wantExternal, err := flag(c, "external")
	if err != nil {
		return nil, err
	}
	imported, _, err := flag(c, "autoImported")
	if err != nil {
		return nil, err
	}
	ids := values(c, "ids")
	clouds := []api.CredentialType{api.CredentialAWS, api.CredentialAzure, api.CredentialGCP, api.CredentialIBM, api.CredentialOCI}
	return func(x *api.Credential) bool {
		return !imported && (len(ids) == 0 || slices.Contains(ids, x.ID)) &&
			(!wantCloud || slices.Contains(clouds, x.Type) == cloud) && (!wantExternal || x.External == external)
	}, nil
}

// readCredential reads and checks what a client writes, whatever it says of tokens.
func readCredential(raw []byte) (api.Credential, error) {
	var c api.Credential
	if err := checkDepth(raw); err != nil {
		return c, err
	}
	o, ok := readObject(raw)
	if !ok {
		return c, decode(raw, "", &c)
	}
	for _, name := range []string{"secret", "apiToken"} {
		if one := o.get(name); len(one) > 0 && one[0] == '"' {
			o.set(name, marshal(api.CredentialSecret{Plain: o.text(name)}))
		}
	}
	o.remove("tokens")
	if err := decode(o.raw(), "", &c); err != nil {
		return c, err
	}
	if err := checkName("_id", c.ID); err != nil {
		return c, err
	}
	if !slices.Contains(api.CredentialTypes(), c.Type) {
		return c, invalid("type", "use one of: aws azure gcp ibmCloud oci apiToken basic dtr kubeconfig certificate gitlabToken", "%q isn't a type of credential", clip(string(c.Type)))
	}
	if c.RoleARN != "" && !isRole(c.RoleARN) {
		return c, invalid("roleArn", "such as arn:aws:iam::123456789012:role/autodefend", "%q isn't the ARN of a role", clip(c.RoleARN))
	}
	return c, nil
}

func isRole(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && autodefend.ValidAccount(parts[4]) && strings.HasPrefix(parts[5], "role/")
}

func (s *Service) putCredential(ctx context.Context, c *route.Call) (route.Answer, error) {
	written, err := readCredential(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtCredential, func() (edit, error) {
		d, err := s.read(ctx, api.KindCredential, written.ID)
		if err != nil {
			return edit{}, err
		}
		var was api.Credential
		if d.Version > 0 {
			if err := stored(d, &was); err != nil {
				return edit{}, err
			}
		}
		next := s.sealed(written, was)
		if err := checkComplete(&next, was.Secret.Encrypted != ""); err != nil {
			return edit{}, err
		}
		next.Owner, next.LastModified = c.Principal.Username, s.now()
		next.Created = s.now()
		if d.Version > 0 {
			next.Created = was.Created
		}
		body := marshal(next)
		return edit{changes: []api.DocumentChange{to(d, body)}, before: d.Body, after: body}, nil
	})
}

// sealed returns a credential with its secrets sealed: those that are given, and those of before where none is. A secret
// belongs to one account and address: it doesn't stay when they change.
func (s *Service) sealed(next, was api.Credential) api.Credential {
	before := secrets(&was)
	stays := next.ID == was.ID && next.Type == was.Type && next.AccountID == was.AccountID && next.URL == was.URL
	for of, secret := range secrets(&next) {
		switch {
		case secret.Plain != "":
			secret.Encrypted = s.seal(secret.Plain, of)
		case stays:
			secret.Encrypted = before[of].Encrypted
		default:
			secret.Encrypted = ""
		}
		secret.Plain = ""
	}
	return next
}

// checkComplete refuses a credential that nobody could use, and one that would lose its secret without a word.
func checkComplete(c *api.Credential, hadSecret bool) error {
	const again = "give it as {\"plain\": \"...\"}; it is kept only while type, accountID and url stay the same"
	switch {
	case c.Type != api.CredentialAWS || c.UseAWSRole || c.Secret.Encrypted != "" && c.AccountID != "":
		return nil
	case c.RoleARN == "" && c.AccountID == "":
		return invalid("accountID", "or set roleArn or useAWSRole", "a credential for AWS needs the id of an access key")
	case c.RoleARN == "" || hadSecret:
		return invalid("secret.plain", again, "the access key's secret is missing")
	}
	return nil
}

// credentialKinds are the kinds of documents that name credentials.
func credentialKinds() []api.Kind {
	return []api.Kind{api.KindCloudScanRule, api.KindAutoDeploy, api.KindSettings, api.KindAlertProfile}
}

func (s *Service) deleteCredential(ctx context.Context, c *route.Call) (route.Answer, error) {
	return route.Answer{}, s.change(ctx, c, api.MgmtCredential, func() (edit, error) {
		d, err := s.storedCredential(ctx, c.Path["id"])
		if err != nil {
			return edit{}, err
		}
		found, _, err := s.references(ctx, credentialKinds(), namesCredential(d.ID))
		if err != nil {
			return edit{}, err
		}
		if len(found) > 0 {
			return edit{}, inUse("the credential", d.ID, found)
		}
		return edit{changes: []api.DocumentChange{to(d, nil)}, before: d.Body}, nil
	})
}

func (s *Service) credentialUsages(ctx context.Context, c *route.Call) (route.Answer, error) {
	d, err := s.storedCredential(ctx, c.Path["id"])
	if err != nil {
		return route.Answer{}, err
	}
	found, _, err := s.references(ctx, credentialKinds(), namesCredential(d.ID))
	if err != nil {
		return route.Answer{}, err
	}
	usages := []api.CredentialUsage{}
	for _, r := range found {
		usages = append(usages, api.CredentialUsage{Description: r.owner, Type: credentialUsage(r.kind)})
	}
	return listAnswer(c, usages, func(u *api.CredentialUsage) string { return u.Description })
}

// credentialUsage is Prisma's cred.UsageType.
func credentialUsage(kind api.Kind) string {
	switch kind {
	case api.KindCloudScanRule:
		return "Cloud Scan"
	case api.KindAutoDeploy:
		return "Serverless Auto-Deploy"
	case api.KindAlertProfile:
		return "Alert profile"
	default:
		return "Serverless Scan"
	}
}

// unix is a time as some of Prisma's schemas have it.
func unix(t time.Time) int64 { return t.Unix() }
