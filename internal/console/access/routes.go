package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// Routes are the endpoints of users, roles, logins and tokens.
func (s *Service) Routes() []route.Route {
	return slices.Concat(s.loginRoutes(), s.currentRoutes(), s.userRoutes(), s.settingsRoutes(), s.tokenRoutes())
}

func (s *Service) loginRoutes() []route.Route {
	return []route.Route{
		{
			Method: "POST", Path: "/authenticate", Permission: route.Nobody, Prisma: true, Handle: s.postAuthenticate,
			Summary: "Logs in with a name and a password, or with an API token. A session whose token comes with it ends, and so do the oldest ten of more than 100.",
			Request: api.AuthenticationRequest{}, Response: api.AuthenticationResponse{}, MaxBody: maxSmallBody,
		},
		{
			Method: "POST", Path: "/authenticate-client", Permission: route.Nobody, Prisma: true, Handle: s.postAuthenticateClient,
			Summary: "Refuses logins with client certificates, which aren't supported.", Response: api.ConsoleAuthResponse{}, MaxBody: maxSmallBody,
		},
		{
			Method: "GET", Path: "/authenticate/renew", Permission: route.AnyUser, Prisma: true, Handle: s.getRenew,
			Summary: "Prolongs the session.", Response: api.AuthenticationResponse{}, Alias: []string{"/renew"},
		},
		{
			Method: "GET", Path: "/authenticate/identity-redirect-url", Permission: route.Nobody, Prisma: true, Handle: s.getRedirectURL,
			Summary: "Tells where the browser logs in at the OpenID Connect provider.", Response: api.RedirectURL{},
		},
		{
			Method: "GET", Path: "/authenticate/callback/oidc", Permission: route.Nobody, Handle: s.getCallback,
			Summary:  "Where the OpenID Connect provider sends the browser back: begins a session.",
			Query:    []route.Param{{Name: "code", Summary: "The provider's code.", Type: "string"}, {Name: "state", Summary: "What the redirect URL had.", Type: "string"}},
			Response: api.AuthenticationResponse{},
		},
		{
			Method: "POST", Path: "/logout", Permission: route.AnyUser, Prisma: true, Handle: s.postLogout,
			Summary: "Ends the session.", MaxBody: maxSmallBody,
		},
		{
			Method: "POST", Path: "/signup", Permission: route.Nobody, Prisma: true, Handle: s.postSignup,
			Summary: "Makes the first administrator.", Request: api.AuthenticationRequest{}, MaxBody: maxSmallBody,
		},
		{
			Method: "GET", Path: "/settings/initialized", Permission: route.Nobody, Prisma: true, Handle: s.getInitialized,
			Summary: "Tells whether there is an administrator.", Response: api.InitStatus{},
		},
	}
}

func (s *Service) currentRoutes() []route.Route {
	return []route.Route{
		{
			Method: "GET", Path: "/current/role", Permission: route.AnyUser, Prisma: true, Handle: s.getCurrentRole,
			Summary: "Returns the caller's role and what it may do now.", Response: api.Role{},
		},
		{
			Method: "GET", Path: "/current/token", Permission: route.AnyUser, Prisma: true, Handle: s.getCurrentToken,
			Summary: "Returns a token of the caller's session.", Response: api.AuthenticationResponse{},
		},
		{
			Method: "GET", Path: "/current/preferences", Permission: api.PermAccessUI, Prisma: true, Handle: s.getPreferences,
			Summary: "Returns what the caller keeps for the screen.", Response: map[string]any{},
		},
		{
			Method: "PUT", Path: "/current/preferences", Permission: api.PermAccessUI, Write: true, Prisma: true, Handle: s.putPreferences,
			Summary: "Keeps a JSON object for the caller's screen.", Request: map[string]any{}, MaxBody: maxSmallBody,
		},
		{
			Method: "GET", Path: "/current/collections", Permission: api.PermAccessUI, Prisma: true, Handle: s.getCurrentCollections,
			Summary: "Returns the collections that the caller sees.", Response: []map[string]any{},
		},
		{
			Method: "GET", Path: "/current/projects", Permission: api.PermAccessUI, Prisma: true, Handle: s.getCurrentProjects,
			Summary: "Returns the only project, this Console.", Response: []api.UserProject{},
		},
		{
			Method: "GET", Path: "/current/cloud-account-ids", Permission: api.PermAccessUI, Prisma: true, Handle: s.getCloudAccounts,
			Summary: "Returns the ids of the cloud accounts with functions.", Response: []string{},
		},
	}
}

func (s *Service) userRoutes() []route.Route {
	const may = api.PermUserManagement
	return []route.Route{
		{Method: "GET", Path: "/users", Permission: may, Prisma: true, Handle: s.getUsers, Summary: "Lists the users.", Response: []api.User{}},
		s.recent(route.Route{Method: "POST", Path: "/users", Permission: may, Write: true, Prisma: true, Handle: s.postUser, Summary: "Adds a user.", Request: api.User{}, MaxBody: maxUserBody}),
		s.recent(route.Route{
			Method: "PUT", Path: "/users", Permission: may, Write: true, Prisma: true, Handle: s.putUser, MaxBody: maxUserBody,
			Summary: "Changes the user named in the body; without a password the old one stays. Ends the user's sessions. The caller's own password takes PUT /users/password.", Request: api.User{},
		}),
		s.recent(route.Route{
			Method: "DELETE", Path: "/users/{username}", Permission: may, Write: true, Prisma: true, Handle: s.deleteUser,
			Summary: "Removes a user with its sessions and API tokens, also one whom only the OpenID Connect provider knows: then another may have the name.",
		}),
		{
			Method: "PUT", Path: "/users/password", Permission: route.AnyUser, Prisma: true, Handle: s.putPassword, MaxBody: maxSmallBody,
			Summary: "Changes the caller's password and ends the caller's sessions.", Request: api.UserPassword{},
		},
		{Method: "GET", Path: "/groups", Permission: may, Prisma: true, Handle: s.getGroups, Summary: "Lists the groups.", Response: []api.Group{}},
		{Method: "GET", Path: "/groups/names", Permission: may, Prisma: true, Handle: s.getGroupNames, Summary: "Lists the names of the groups.", Response: []string{}},
		s.recent(route.Route{Method: "POST", Path: "/groups", Permission: may, Write: true, Prisma: true, Handle: s.postGroup, Summary: "Adds a group.", Request: api.Group{}, MaxBody: maxUserBody}),
		s.recent(route.Route{Method: "PUT", Path: "/groups/{name}", Permission: may, Write: true, Prisma: true, Handle: s.putGroup, Summary: "Changes a group.", Request: api.Group{}, MaxBody: maxUserBody}),
		s.recent(route.Route{Method: "DELETE", Path: "/groups/{name}", Permission: may, Write: true, Prisma: true, Handle: s.deleteGroup, Summary: "Removes a group."}),
		{Method: "GET", Path: "/rbac/roles", Permission: may, Prisma: true, Handle: s.getRoles, Summary: "Lists the roles, those of the system first.", Response: []api.Role{}},
		s.recent(route.Route{Method: "POST", Path: "/rbac/roles", Permission: may, Write: true, Prisma: true, Handle: s.postRole, Summary: "Adds a role.", Request: api.Role{}, MaxBody: maxUserBody}),
		s.recent(route.Route{Method: "PUT", Path: "/rbac/roles", Permission: may, Write: true, Prisma: true, Handle: s.putRole, Summary: "Changes the role named in the body.", Request: api.Role{}, MaxBody: maxUserBody}),
		s.recent(route.Route{Method: "DELETE", Path: "/rbac/roles/{name}", Permission: may, Write: true, Prisma: true, Handle: s.deleteRole, Summary: "Removes a role that nobody has."}),
	}
}

func (s *Service) settingsRoutes() []route.Route {
	const may = api.PermAuthConfiguration
	return []route.Route{
		{Method: "GET", Path: "/settings/logon", Permission: may, Prisma: true, Handle: s.getLogon, Summary: "Returns how users log in.", Response: api.LogonSettings{}},
		{Method: "POST", Path: "/settings/logon", Permission: may, Write: true, Prisma: true, Handle: s.postLogon, Summary: "Changes how users log in.", Request: api.LogonSettings{}, MaxBody: maxSmallBody},
		{Method: "GET", Path: "/settings/oidc", Permission: may, Handle: s.getOIDC, Summary: "Returns the OpenID Connect provider's settings without the secret.", Response: api.OIDCSettings{}},
		s.recent(route.Route{Method: "POST", Path: "/settings/oidc", Permission: may, Write: true, Handle: s.postOIDC, Summary: "Changes the OpenID Connect provider's settings.", Request: api.OIDCSettings{}, MaxBody: maxSmallBody}),
	}
}

func (s *Service) tokenRoutes() []route.Route {
	return []route.Route{
		{Method: "GET", Path: "/sessions", Permission: route.AnyUser, Handle: s.getSessions, Summary: "Lists the caller's sessions; for who manages users, everybody's.", Response: []api.Session{}},
		{Method: "DELETE", Path: "/sessions/{id}", Permission: route.AnyUser, Handle: s.deleteSession, Summary: "Ends a session of the caller's or, for who manages users, anybody's. For another session than the call's own, the login must be at most 10 minutes ago."},
		{Method: "GET", Path: "/api-tokens", Permission: route.AnyUser, Handle: s.getAPITokens, Summary: "Lists the caller's API tokens; for who manages users, everybody's.", Response: []api.APIToken{}},
		s.recent(route.Route{Method: "POST", Path: "/api-tokens", Permission: route.AnyUser, Handle: s.postAPIToken, Summary: "Makes an API token, whose secret only this answer has.", Request: api.TokenRequest{}, Response: api.APIToken{}, MaxBody: maxSmallBody}),
		{Method: "DELETE", Path: "/api-tokens/{id}", Permission: route.AnyUser, Handle: s.deleteAPIToken, Summary: "Removes an API token of the caller's or, for who manages users, anybody's."},
		s.recent(route.Route{
			Method: "POST", Path: "/defender-tokens", Permission: api.PermManageDefenders, Write: true, Handle: s.postDefenderToken,
			Summary: "Makes the token of one function's Defender.", Request: api.DefenderTokenRequest{}, Response: api.TokenResponse{}, MaxBody: maxSmallBody,
		}),
		{
			Method: "GET", Path: "/defender-tokens/revocations", Permission: api.PermManageDefenders, Handle: s.getRevocations,
			Summary: "Lists the functions whose Defenders' tokens were revoked.", Response: []api.RevokedFunction{},
		},
		{
			Method: "POST", Path: "/defender-tokens/revocations", Permission: api.PermManageDefenders, Write: true, Handle: s.postRevocation,
			Summary: "Refuses the tokens that a function's Defenders have now.", Request: api.DefenderTokenRequest{}, Response: api.RevokedFunction{}, MaxBody: maxSmallBody,
		},
		s.recent(route.Route{
			Method: "DELETE", Path: "/defender-tokens/revocations/{id}", Permission: api.PermManageDefenders, Write: true, Handle: s.deleteRevocation,
			Summary: "Accepts the revoked tokens of a function's Defenders again.",
		}),
	}
}

// recent makes a route one for callers who showed lately who they are; see [Service.checkRecent].
func (s *Service) recent(r route.Route) route.Route {
	handle := r.Handle
	r.Handle = func(ctx context.Context, c *route.Call) (route.Answer, error) {
		if err := s.checkRecent(ctx, c.Principal); err != nil {
			return route.Answer{}, err
		}
		return handle(ctx, c)
	}
	r.Summary += fmt.Sprintf(" In a session, its login must be at most %d minutes ago.", int(recentLogin.Minutes()))
	return r
}

// Bounds of bodies, in bytes.
const (
	maxSmallBody = 64 << 10
	maxUserBody  = 256 << 10
)
