package api

import "time"

// APIToken is a secret that programs call with instead of a password. It does what its owner may do, or less.
type APIToken struct {
	ID string `json:"id"`
	// Name says what it is for.
	Name string `json:"name"`
	// Owner is the user that made it: what the owner may no longer do, the token may not either.
	Owner string `json:"owner"`
	// Scopes restrict it; without them it may do whatever its owner may.
	Scopes  []RolePermission `json:"scopes"`
	Created time.Time        `json:"created"`
	// Expires is when it ends.
	Expires time.Time `json:"expires"`
	// Token is the secret, shown once: in the answer that made it.
	Token string `json:"token,omitempty"`
}

// TokenRequest asks for an [APIToken].
type TokenRequest struct {
	Name   string           `json:"name"`
	Scopes []RolePermission `json:"scopes,omitempty"`
	// Expires is at most a year away; zero means 90 days.
	Expires time.Time `json:"expires,omitzero"`
}

// How long tokens live.
const (
	TokenLife    = 90 * 24 * time.Hour
	MaxTokenLife = 366 * 24 * time.Hour
)

// Check returns what is wrong with the request, with [autodefend.CodeInvalid].
func (r TokenRequest) Check(now time.Time) error {
	if err := checkAccessName("name", r.Name); err != nil {
		return err
	}
	for i, p := range r.Scopes {
		if !IsPermName(p.Name) {
			return refused("scopes[%d].name: there's no permission %q", i, shortened(string(p.Name)))
		}
	}
	if len(r.Scopes) > len(PermNames())+2 {
		return refused("scopes: has %d elements, and there are fewer permissions", len(r.Scopes))
	}
	if r.Expires.IsZero() {
		return nil
	}
	if !r.Expires.After(now) {
		return refused("expires: is in the past")
	}
	if r.Expires.After(now.Add(MaxTokenLife)) {
		return refused("expires: is more than a year away").WithHint("make a new token when this one ends")
	}
	return nil
}

// Session is one login.
type Session struct {
	ID       string   `json:"id"`
	Username string   `json:"username"`
	AuthType AuthType `json:"authType"`
	Role     string   `json:"role"`
	SourceIP string   `json:"sourceIP,omitempty"`
	// UserAgent is what the client called itself at the login.
	UserAgent string    `json:"userAgent,omitempty"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	// Current marks the caller's own.
	Current bool `json:"current,omitempty"`
}

// DefenderTokenRequest names the function whose Defenders' tokens are meant. An empty account or region matches any; the
// function must be named, or be "*" where the tokens of all are revoked.
type DefenderTokenRequest struct {
	AccountID string `json:"accountID,omitempty"`
	Region    string `json:"region,omitempty"`
	Function  string `json:"function,omitempty"`
}

// TokenResponse carries a token.
type TokenResponse struct {
	Token string `json:"token"`
}

// RevokedFunction refuses the Defenders' tokens of a function that were issued before a time. An empty member stands for
// any: without all of them, all tokens are refused.
type RevokedFunction struct {
	ID        string    `json:"id"`
	AccountID string    `json:"accountID,omitempty"`
	Region    string    `json:"region,omitempty"`
	Function  string    `json:"function,omitempty"`
	Before    time.Time `json:"before"`
	// By is the user that revoked them.
	By string `json:"by,omitempty"`
}

// Refuses reports whether a token that was issued then, in Unix seconds, is refused: whether there's a function that both the
// token and the revocation mean. An empty name of the token's stands for any, too.
func (r RevokedFunction) Refuses(account, region, function string, issued int64) bool {
	meet := func(a, b string) bool { return a == "" || b == "" || a == b }
	return issued < r.Before.Unix() && meet(r.AccountID, account) && meet(r.Region, region) && meet(r.Function, function)
}
