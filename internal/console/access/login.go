package access

import (
	"context"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// attempt is a name and a password that somebody sent.
type attempt struct {
	username, password string
	sourceIP           string
	// api is where it was sent, for the audit.
	api string
}

// verify returns the user whose name and password these are. Whether there's no such user, no password or another password
// takes as long and says the same.
func (s *Service) verify(ctx context.Context, a attempt) (user, error) {
	if len(a.username) > maxPassword || len(a.password) > maxPassword {
		return user{}, wrongPassword()
	}
	if err := s.checkLocked(ctx, a); err != nil {
		return user{}, err
	}
	u, err := s.compare(ctx, a)
	if err != nil {
		return user{}, err
	}
	return u, s.forgive(ctx, a)
}

// compare hashes the password. It looks a second time whether it may, and counts a wrong one before the next is hashed: many
// tries at once get no more guesses than one after the other.
func (s *Service) compare(ctx context.Context, a attempt) (user, error) {
	if err := s.hashing.enter(ctx); err != nil {
		return user{}, err
	}
	defer s.hashing.leave()
	if err := s.checkLocked(ctx, a); err != nil {
		return user{}, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return user{}, err
	}
	u, known := d.users[key(a.username)]
	known = known && u.AuthType == api.AuthBasic
	hash := s.hashing.nobodysHash()
	if known {
		if hash, err = parsePHC(u.Hash); err != nil {
			return user{}, err
		}
	}
	if right := hash.matches(a.password); right && known {
		return u, nil
	}
	if err := s.countFailure(ctx, a); err != nil {
		return user{}, err
	}
	return user{}, wrongPassword()
}

func wrongPassword() error {
	return unknown("the name or the password is wrong").WithHint("an administrator can set another password with PUT /users")
}

// loginAudit completes the audit of a login.
func (s *Service) loginAudit(a api.MgmtAudit) api.MgmtAudit {
	a.Type = api.MgmtLogin
	a.Time = s.now().UTC().Truncate(time.Millisecond)
	a.Username = printable(a.Username)
	return a
}

// tellLogin stores the audit of a login that writes nothing else. One that can't be stored is logged.
func (s *Service) tellLogin(ctx context.Context, a api.MgmtAudit) {
	if err := s.logins.AddMgmt(ctx, s.loginAudit(a)); err != nil {
		s.log.ErrorContext(ctx, "login not audited", "user", printable(a.Username), "error", err)
	}
}

// printable is a name that somebody sent, fit for a log.
func printable(name string) string {
	const most = 128
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "..."
	}
	return name
}
