package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// AuthType is Prisma's api.AuthType: how a user proves who it is.
type AuthType string

// How users log in here: with a password that the Console keeps, or at an OpenID Connect provider.
const (
	AuthBasic AuthType = "basic"
	AuthOIDC  AuthType = "oidc"
)

// User is Prisma's api.User.
type User struct {
	AuthType     AuthType  `json:"authType"`
	Description  string    `json:"description,omitempty"`
	LastModified time.Time `json:"lastModified"`
	// Password is read only: no answer has it.
	Password    string          `json:"password,omitempty"`
	Permissions UserPermissions `json:"permissions,omitempty"`
	Role        string          `json:"role"`
	Username    string          `json:"username"`
}

// UserPermission is Prisma's api.Permission: which collections are seen.
type UserPermission struct {
	Collections Names  `json:"collections,omitempty"`
	Project     string `json:"project,omitempty"`
}

// UserPermissions is Prisma's api.Permissions, an array. One object is accepted too.
type UserPermissions []UserPermission

// UnmarshalJSON reads an array, one object, or null.
func (p *UserPermissions) UnmarshalJSON(data []byte) error {
	return oneOrMore(data, '{', (*[]UserPermission)(p))
}

// Names is an array of strings, for which one string is accepted too.
type Names []string

// UnmarshalJSON reads an array, one string, or null.
func (n *Names) UnmarshalJSON(data []byte) error {
	return oneOrMore(data, '"', (*[]string)(n))
}

// oneOrMore reads an array of values, or one value that begins with first.
func oneOrMore[T any](data []byte, first byte, to *[]T) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == first {
		var one T
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		*to = []T{one}
		return nil
	}
	return json.Unmarshal(data, to)
}

// Collections returns the collections that the permissions restrict to, without repetitions; nil when they don't restrict.
func (p UserPermissions) Collections() []string {
	var names []string
	seen := map[string]bool{}
	for _, permission := range p {
		for _, name := range permission.Collections {
			if name == AllCollections {
				return nil
			}
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// AllCollections is the name of the collection that has everything.
const AllCollections = "All"

// Check returns what is wrong with a user that somebody wrote, but for the password, with [autodefend.CodeInvalid].
func (u User) Check() error {
	if err := checkAccessName("username", u.Username); err != nil {
		return err
	}
	if strings.EqualFold(u.Username, consoleName) {
		return refused("username: %q is the Console's own name in management audits", u.Username).WithHint("choose another name")
	}
	if u.AuthType != AuthBasic && u.AuthType != AuthOIDC {
		return refused("authType: %q isn't supported", shortened(string(u.AuthType))).WithHint("use %q or %q", AuthBasic, AuthOIDC)
	}
	if len(u.Description) > maxDescription {
		return refused("description: has %d bytes, at most %d fit", len(u.Description), maxDescription)
	}
	return u.Permissions.check()
}

// consoleName is whom management audits name when the Console itself changed something.
const consoleName = "console"

const maxPermissions = 1000

func (p UserPermissions) check() error {
	if len(p) > maxPermissions {
		return refused("permissions: has %d elements, at most %d fit", len(p), maxPermissions)
	}
	for i, permission := range p {
		if len(permission.Collections) > maxPermissions {
			return refused("permissions[%d].collections: has %d elements, at most %d fit", i, len(permission.Collections), maxPermissions)
		}
		for j, name := range permission.Collections {
			if name == "" {
				return refused("permissions[%d].collections[%d]: is empty", i, j)
			}
		}
	}
	return nil
}

// UserPassword is Prisma's types.UserPassword.
type UserPassword struct {
	NewPassword string `json:"newPassword"`
	OldPassword string `json:"oldPassword"`
}

// Group is Prisma's types.Group. A group of an OpenID Connect provider has OIDCGroup set and the name that the provider
// gives it; users who log in there get its role.
type Group struct {
	ID           string          `json:"_id"`
	GroupID      string          `json:"groupId,omitempty"`
	GroupName    string          `json:"groupName"`
	LastModified time.Time       `json:"lastModified"`
	LDAPGroup    bool            `json:"ldapGroup,omitempty"`
	OAuthGroup   bool            `json:"oauthGroup,omitempty"`
	OIDCGroup    bool            `json:"oidcGroup,omitempty"`
	Owner        string          `json:"owner,omitempty"`
	Permissions  UserPermissions `json:"permissions,omitempty"`
	Role         string          `json:"role,omitempty"`
	SAMLGroup    bool            `json:"samlGroup,omitempty"`
	User         GroupUsers      `json:"user"`
}

// GroupUser is Prisma's shared.User.
type GroupUser struct {
	Username string `json:"username"`
}

// GroupUsers are the users of a group, an array. One object is accepted too.
type GroupUsers []GroupUser

// UnmarshalJSON reads an array, one object, or null.
func (u *GroupUsers) UnmarshalJSON(data []byte) error {
	return oneOrMore(data, '{', (*[]GroupUser)(u))
}

// Check returns what is wrong with a group that somebody wrote, with [autodefend.CodeInvalid].
func (g Group) Check() error {
	if err := checkAccessName("groupName", g.GroupName); err != nil {
		return err
	}
	if g.LDAPGroup || g.OAuthGroup || g.SAMLGroup {
		return refused("ldapGroup, oauthGroup, samlGroup: users log in with passwords or OpenID Connect here").
			WithHint("leave these false; use oidcGroup for a group of an OpenID Connect provider")
	}
	if len(g.User) > maxPermissions {
		return refused("user: has %d elements, at most %d fit", len(g.User), maxPermissions)
	}
	for i, u := range g.User {
		if u.Username == "" {
			return refused("user[%d].username: is missing", i)
		}
	}
	return g.Permissions.check()
}
