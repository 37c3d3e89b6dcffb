package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// general is one object of settings under /settings.
type general struct {
	name, summary string
	permission    api.PermName
	// zero is a value of the type, for the documentation, and what is read before anything was written.
	zero any
	// check reads what a client writes and returns what is stored; was is what is stored.
	check func(s *Service, raw, was []byte) (any, error)
	// show returns what is read of what is stored; nil shows all.
	show func(raw []byte) (any, error)
}

// generals lists them, with their defaults.
func generals() []general {
	const day = 24 * 60 * 60 * 1000
	return []general{
		{
			name: "defender", summary: "settings of Defenders", permission: api.PermManageDefenders,
			zero: api.DefenderSettings{AutomaticUpgrade: true, DisconnectPeriodDays: 1, ListeningPort: 9998}, check: checkDefenderSettings,
		},
		{
			name: "scan", summary: "how often is looked for functions", permission: api.PermSystemOperations,
			zero: api.ScanSettings{
				AgentlessScanPeriodMS: day, CloudPlatformsScanPeriodMS: day, ContainersScanPeriodMS: day, ImagesScanPeriodMS: day,
				RegistryScanPeriodMS: day, ServerlessScanPeriodMS: day, SystemScanPeriodMS: day, TASDropletsScanPeriodMS: day, VMScanPeriodMS: day,
			}, check: checkScanSettings,
		},
		{
			name: "system", summary: "settings that clients keep here; nothing depends on them", permission: api.PermSystemOperations,
			zero: map[string]any{}, check: checkSystemSettings,
		},
		{
			name: "proxy", summary: "the proxy by which the Console reaches other systems", permission: api.PermSystemOperations,
			zero: api.ProxySettings{}, check: checkProxy, show: showProxy,
		},
		{
			name: "certs", summary: "the names that the Console's own certificate is made for", permission: api.PermSystemOperations,
			zero: api.CertSettings{ConsoleSAN: []string{}}, check: checkCerts,
		},
	}
}

func (s *Service) generalRoutes() []route.Route {
	var routes []route.Route
	for _, g := range generals() {
		path := "/settings/" + g.name
		routes = append(routes,
			route.Route{
				Method: http.MethodGet, Path: path, Permission: g.permission, Prisma: true,
				Summary: "Returns " + g.summary + ".", Response: g.zero, Handle: s.getGeneral(g),
			},
			route.Route{
				Method: http.MethodPost, Path: path, Permission: g.permission, Write: true, Prisma: true, MaxBody: 64 << 10,
				Summary: "Sets " + g.summary + ".", Request: g.zero, Handle: s.postGeneral(g),
			},
		)
	}
	const scan = "/settings/serverless-scan"
	return append(
		routes,
		route.Route{
			Method: http.MethodGet, Path: "/settings/license", Permission: api.PermSystemOperations, Prisma: true,
			Summary: "Tells clients that the licence is valid: there is none to buy.", Response: api.License{}, Handle: getLicense,
		},
		route.Route{
			Method: http.MethodPost, Path: "/settings/license", Permission: api.PermSystemOperations, Write: true, Prisma: true,
			Summary: "Takes a licence and does nothing with it.", Request: map[string]string{}, Handle: postLicense,
		},
		route.Route{
			Method: http.MethodGet, Path: scan, Permission: api.PermManageCreds, Prisma: true,
			Summary: "Lists which functions are looked at, in the older form.", Response: []api.ServerlessScan{}, Handle: s.listServerlessScans,
		},
		route.Route{
			Method: http.MethodPost, Path: scan, Permission: api.PermManageCreds, Write: true, Prisma: true,
			Summary: "Adds what is to be looked at, or replaces what has the same credential.", Request: api.ServerlessScan{}, Handle: s.writeServerlessScans(false),
		},
		route.Route{
			Method: http.MethodPut, Path: scan, Permission: api.PermManageCreds, Write: true, Prisma: true,
			Summary: "Replaces all of what is to be looked at.", Request: []api.ServerlessScan{}, Handle: s.writeServerlessScans(true),
		},
	)
}

func (s *Service) getGeneral(g general) route.Handler {
	return func(ctx context.Context, _ *route.Call) (route.Answer, error) {
		d, err := s.read(ctx, api.KindSettings, g.name)
		switch {
		case err != nil:
			return route.Answer{}, err
		case d.Version == 0:
			return route.Answer{JSON: g.zero}, nil
		case g.show == nil:
			return route.Answer{Raw: d.Body, Media: "application/json"}, nil
		}
		value, err := g.show(d.Body)
		return route.Answer{JSON: value}, err
	}
}

func (s *Service) postGeneral(g general) route.Handler {
	return func(ctx context.Context, c *route.Call) (route.Answer, error) {
		if err := checkDepth(c.Body); err != nil {
			return route.Answer{}, err
		}
		return route.Answer{}, s.change(ctx, c, api.MgmtSettings, func() (edit, error) {
			d, err := s.read(ctx, api.KindSettings, g.name)
			if err != nil {
				return edit{}, err
			}
			was := d.Body
			if d.Version == 0 {
				was = marshal(g.zero)
			}
			value, err := g.check(s, c.Body, was)
			if err != nil {
				return edit{}, err
			}
			body := marshal(value)
			return edit{changes: []api.DocumentChange{to(d, body)}, before: was, after: body}, nil
		})
	}
}

// over reads an object over what is stored, so that members that aren't given stay.
func over[T any](raw, was []byte) (T, error) {
	var v T
	if err := json.Unmarshal(was, &v); err != nil {
		return v, fmt.Errorf("read stored settings: %w", err)
	}
	err := decode(raw, "", &v)
	return v, err
}

func checkDefenderSettings(_ *Service, raw, was []byte) (any, error) {
	v, err := over[api.DefenderSettings](raw, was)
	switch {
	case err != nil:
		return nil, err
	case v.DisconnectPeriodDays < 1 || v.DisconnectPeriodDays > 365:
		return nil, invalid("disconnectPeriodDays", "", "want 1 to 365, have %d", v.DisconnectPeriodDays)
	case v.ListeningPort < 0 || v.ListeningPort > 65535:
		return nil, invalid("listeningPort", "", "%d isn't a port", v.ListeningPort)
	}
	return v, nil
}

func checkScanSettings(_ *Service, raw, was []byte) (any, error) {
	v, err := over[api.ScanSettings](raw, was)
	if err != nil {
		return nil, err
	}
	const minute, year = 60 * 1000, 366 * 24 * 60 * 60 * 1000
	periods := map[string]int64{"serverlessScanPeriodMs": v.ServerlessScanPeriodMS, "cloudPlatformsScanPeriodMs": v.CloudPlatformsScanPeriodMS}
	for _, name := range []string{"cloudPlatformsScanPeriodMs", "serverlessScanPeriodMs"} {
		if ms := periods[name]; ms < minute || ms > year {
			return nil, invalid(name, "", "want a minute to a year (%d to %d), have %d", minute, int64(year), ms)
		}
	}
	return v, nil
}

func checkSystemSettings(_ *Service, raw, _ []byte) (any, error) {
	var v map[string]json.RawMessage
	if err := decode(raw, "", &v); err != nil {
		return nil, err
	}
	if at := secretIn("", raw); at != "" {
		return nil, invalid(at, "leave it out", "nothing here has a use for a secret")
	}
	return json.RawMessage(raw), nil
}

// proxyOwner is what the proxy's password is sealed for.
const proxyOwner = "settings/proxy/password"

// checkProxyFields checks what a proxy's settings say.
func checkProxyFields(at string, p *api.ProxySettings) error {
	if p.HTTPProxy == "" {
		return nil
	}
	u, err := url.Parse(p.HTTPProxy)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return invalid(at+"httpProxy", "such as http://proxy.example.com:3128", "it isn't the address of a proxy")
	case u.User != nil:
		return invalid(at+"httpProxy", "use user and password", "an address that all may read has no place for a password")
	case p.CA != "" && !strings.Contains(p.CA, "BEGIN CERTIFICATE"):
		return invalid(at+"ca", "", "it isn't a certificate in PEM")
	}
	return nil
}

func checkProxy(s *Service, raw, was []byte) (any, error) {
	var before, p api.ProxySettings
	if err := json.Unmarshal(was, &before); err != nil {
		return nil, fmt.Errorf("read stored settings: %w", err)
	}
	if err := decode(raw, "", &p); err != nil {
		return nil, err
	}
	if err := checkProxyFields("", &p); err != nil {
		return nil, err
	}
	switch {
	case p.Password.Plain != "":
		p.Password = api.CredentialSecret{Encrypted: s.seal(p.Password.Plain, proxyOwner)}
	case p.HTTPProxy == before.HTTPProxy && p.User == before.User:
		p.Password = before.Password
	default:
		p.Password = api.CredentialSecret{}
	}
	return p, nil
}

func showProxy(raw []byte) (any, error) {
	var p api.ProxySettings
	err := json.Unmarshal(raw, &p)
	p.Password.Encrypted = marked(p.Password.Encrypted)
	return p, err
}

// Proxy returns the proxy by which the Console reaches other systems, its password opened; a zero value for none.
func (s *Service) Proxy(ctx context.Context) (api.ProxySettings, error) {
	var p api.ProxySettings
	d, err := s.read(ctx, api.KindSettings, "proxy")
	if err != nil || d.Version == 0 {
		return p, err
	}
	if err := stored(d, &p); err != nil {
		return p, err
	}
	if p.Password.Plain, err = s.open(p.Password.Encrypted, proxyOwner); err != nil {
		return api.ProxySettings{}, err
	}
	p.Password.Encrypted = ""
	return p, nil
}

func checkCerts(_ *Service, raw, was []byte) (any, error) {
	v, err := over[api.CertSettings](raw, was)
	if err != nil {
		return nil, err
	}
	host := regexp.MustCompile(`^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
	for i, name := range v.ConsoleSAN {
		if _, err := netip.ParseAddr(name); err != nil && (len(name) > 253 || !host.MatchString(name)) {
			return nil, invalid(fmt.Sprintf("consoleSAN[%d]", i), "", "%q is neither a host name nor an address", clip(name))
		}
	}
	if v.ConsoleSAN == nil {
		v.ConsoleSAN = []string{}
	}
	return v, nil
}

func getLicense(context.Context, *route.Call) (route.Answer, error) {
	return route.Answer{JSON: api.License{Type: "platform", ContractType: "perpetual", ExpirationDate: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}}, nil
}

func postLicense(_ context.Context, c *route.Call) (route.Answer, error) {
	var any map[string]json.RawMessage
	return route.Answer{}, decode(c.Body, "", &any)
}

// serverlessScans is the id of the document with what is to be looked at.
const serverlessScans = "serverless-scan"

func (s *Service) listServerlessScans(ctx context.Context, _ *route.Call) (route.Answer, error) {
	scans := []api.ServerlessScan{}
	d, err := s.read(ctx, api.KindSettings, serverlessScans)
	if err == nil && d.Version > 0 {
		err = stored(d, &scans)
	}
	if err != nil {
		return route.Answer{}, err
	}
	for i := range scans {
		d, err := s.read(ctx, api.KindCredential, scans[i].CredentialID)
		if err != nil {
			return route.Answer{}, err
		}
		var credential api.Credential
		if d.Version > 0 && stored(d, &credential) == nil {
			credential = shown(credential)
			scans[i].Credential = &credential
		}
	}
	return route.Answer{JSON: scans}, nil
}

// writeServerlessScans replaces all, or only those with the same credential.
func (s *Service) writeServerlessScans(all bool) route.Handler {
	return func(ctx context.Context, c *route.Call) (route.Answer, error) {
		if err := checkDepth(c.Body); err != nil {
			return route.Answer{}, err
		}
		written, err := decodeList[api.ServerlessScan](c.Body, "settings")
		if err != nil {
			return route.Answer{}, err
		}
		return route.Answer{}, s.change(ctx, c, api.MgmtSettings, func() (edit, error) {
			return s.serverlessScansEdit(ctx, written, all)
		})
	}
}

func (s *Service) serverlessScansEdit(ctx context.Context, written []api.ServerlessScan, all bool) (edit, error) {
	d, err := s.read(ctx, api.KindSettings, serverlessScans)
	if err != nil {
		return edit{}, err
	}
	next := []api.ServerlessScan{}
	if d.Version > 0 && !all {
		if err := stored(d, &next); err != nil {
			return edit{}, err
		}
	}
	e := edit{before: d.Body}
	for i, scan := range written {
		at := fmt.Sprintf("settings[%d]", i)
		credential, err := s.read(ctx, api.KindCredential, scan.CredentialID)
		switch {
		case err != nil:
			return edit{}, err
		case credential.Version == 0:
			return edit{}, invalid(at+".credentialID", "POST it to /credentials first", "there is no credential %q", clip(scan.CredentialID))
		case scan.Cap < 0:
			return edit{}, invalid(at+".cap", "0 is no limit", "%d isn't a number of functions", scan.Cap)
		}
		scan.Credential = nil
		next = upsertScan(next, scan)
		e.hold(credential)
	}
	e.after = marshal(next)
	e.changes = append(e.changes, to(d, e.after))
	return e, nil
}

func upsertScan(all []api.ServerlessScan, scan api.ServerlessScan) []api.ServerlessScan {
	for i := range all {
		if all[i].CredentialID == scan.CredentialID {
			all[i] = scan
			return all
		}
	}
	return append(all, scan)
}
