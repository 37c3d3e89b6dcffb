package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) scanRuleRoutes() []route.Route {
	const path = "/cloud-scan-rules"
	return []route.Route{
		{
			Method: http.MethodGet, Path: path, Permission: api.PermManageCreds, Prisma: true, List: true,
			Summary: "Lists what is looked for with which credential.", Response: []api.CloudScanRule{}, Handle: s.listScanRules,
			Query: []route.Param{
				{Name: "cloudProviders", Summary: "Only these providers: aws, azure, gcp, oci, ibmCloud.", Type: "string", Many: true},
				{
					Name: "authMethods", Type: "string", Many: true,
					Summary: "Only credentials of these kinds: accessKey, stsTemporaryToken (an assumed role), instanceRole, servicePrincipal, serviceAccount.",
				},
			},
		},
		{
			Method: http.MethodPut, Path: path, Permission: api.PermManageCreds, Write: true, Prisma: true,
			Summary: "Adds or replaces rules by their credential; others stay.", Request: []api.CloudScanRule{}, Handle: s.putScanRules,
		},
		{
			Method: http.MethodDelete, Path: path + "/{credentialId}", Permission: api.PermManageCreds, Write: true, Prisma: true,
			Summary: "Deletes the rule of a credential.", Handle: s.deleteScanRule,
		},
	}
}

// namesCredential finds a credential by its id.
func namesCredential(id string) func(string, json.RawMessage) (json.RawMessage, bool) {
	return isMember(id, "credentialId", "hubCredentialID")
}

// authMethods says how a credential proves who it is, by the names that clients ask for.
func authMethods(c *api.Credential) []string {
	switch {
	case c.Type == api.CredentialAWS && c.RoleARN != "":
		return []string{"stsTemporaryToken", "assumeRole"}
	case c.Type == api.CredentialAWS && c.UseAWSRole:
		return []string{"instanceRole", "awsRole"}
	case c.Type == api.CredentialAWS:
		return []string{"accessKey", "secretKey"}
	case c.Type == api.CredentialAzure:
		return []string{"servicePrincipal"}
	case c.Type == api.CredentialGCP:
		return []string{"serviceAccount"}
	default:
		return []string{"apiKey"}
	}
}

func (s *Service) listScanRules(ctx context.Context, c *route.Call) (route.Answer, error) {
	all, err := readAll[api.CloudScanRule](ctx, s, api.KindCloudScanRule)
	if err != nil {
		return route.Answer{}, err
	}
	credentials, err := readAll[api.Credential](ctx, s, api.KindCredential)
	if err != nil {
		return route.Answer{}, err
	}
	byID := make(map[string]*api.Credential, len(credentials))
	for i := range credentials {
		public := shown(credentials[i])
		byID[public.ID] = &public
	}
	providers, methods := values(c, "cloudProviders"), values(c, "authMethods")
	kept := []api.CloudScanRule{}
	for _, r := range all {
		if r.Credential = byID[r.CredentialID]; r.Credential == nil {
			r.Credential = &api.Credential{ID: r.CredentialID}
		}
		if len(providers) > 0 && !slices.Contains(providers, string(r.Credential.Type)) {
			continue
		}
		if len(methods) > 0 && !slices.ContainsFunc(authMethods(r.Credential), func(m string) bool { return slices.Contains(methods, m) }) {
			continue
		}
		kept = append(kept, r)
	}
	return listAnswer(c, kept, func(r *api.CloudScanRule) string { return r.CredentialID + " " + r.Credential.AccountName })
}

// readScanRules reads and checks what a client writes.
func readScanRules(raw []byte) ([]api.CloudScanRule, error) {
	if err := checkDepth(raw); err != nil {
		return nil, err
	}
	rules, err := decodeList[api.CloudScanRule](raw, "rules")
	if err != nil {
		return nil, err
	}
	first := make(map[string]int)
	for i := range rules {
		r, at := &rules[i], rulePath(i)
		if r.CredentialID == "" && r.Credential != nil {
			r.CredentialID = r.Credential.ID
		}
		before, twice := first[r.CredentialID]
		first[r.CredentialID] = i
		switch {
		case r.CredentialID == "":
			return nil, invalid(at+".credentialId", "it is the _id of a credential", "it's missing")
		case twice:
			return nil, invalid(at+".credentialId", "", "%q is that of rules[%d] already", clip(r.CredentialID), before)
		case r.AWSRegionType != "" && !slices.Contains([]string{"regular", "gov", "china", "all"}, r.AWSRegionType):
			return nil, invalid(at+".awsRegionType", "use one of: regular gov china all", "%q isn't a kind of region", clip(r.AWSRegionType))
		case r.ServerlessScanSpec.Cap < 0:
			return nil, invalid(at+".serverlessScanSpec.cap", "0 is no limit", "%d isn't a number of functions", r.ServerlessScanSpec.Cap)
		case r.ServerlessRadarCap < 0:
			return nil, invalid(at+".serverlessRadarCap", "0 is no limit", "%d isn't a number of functions", r.ServerlessRadarCap)
		}
	}
	return rules, nil
}

func (s *Service) putScanRules(ctx context.Context, c *route.Call) (route.Answer, error) {
	rules, err := readScanRules(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtSettings, func() (edit, error) {
		var e edit
		var before, after []json.RawMessage
		for i, r := range rules {
			credential, err := s.read(ctx, api.KindCredential, r.CredentialID)
			if err != nil {
				return edit{}, err
			}
			if credential.Version == 0 {
				return edit{}, invalid(fmt.Sprintf("rules[%d].credentialId", i), "POST it to /credentials first", "there is no credential %q", clip(r.CredentialID))
			}
			d, err := s.read(ctx, api.KindCloudScanRule, r.CredentialID)
			if err != nil {
				return edit{}, err
			}
			r.Credential, r.Modified = nil, unix(s.now())
			body := marshal(r)
			e.changes = append(e.changes, to(d, body))
			e.hold(credential)
			if d.Body != nil {
				before = append(before, d.Body)
			}
			after = append(after, body)
		}
		e.before, e.after = rawArray(before), rawArray(after)
		return e, nil
	})
}

func (s *Service) deleteScanRule(ctx context.Context, c *route.Call) (route.Answer, error) {
	return route.Answer{}, s.change(ctx, c, api.MgmtSettings, func() (edit, error) {
		d, err := s.read(ctx, api.KindCloudScanRule, c.Path["credentialId"])
		if err == nil && d.Version == 0 {
			err = autodefend.Errorf(autodefend.CodeNotFound, "there is no rule for the credential %q", clip(c.Path["credentialId"])).WithHint("GET /cloud-scan-rules lists them")
		}
		return edit{changes: []api.DocumentChange{to(d, nil)}, before: d.Body}, err
	})
}
