package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Wrong passwords are counted in the storage, so that all replicas count together: for a user from one address, for a user
// from anywhere, and for an address. At a limit the next try has to wait, first a minute and then twice as long each time,
// until a quarter of an hour. Users that don't exist are counted as well, so that nothing tells them from others. Sessions,
// API tokens and verified passwords go on working, so that guessing shuts nobody out who is in.
const (
	pairLimit    = 5
	userLimit    = 50
	addressLimit = 30

	failuresCount = 15 * time.Minute // how long failures are remembered after the first
	firstWait     = time.Minute
	longestWait   = 15 * time.Minute
)

// failures are the wrong passwords of a user, an address or both.
type failures struct {
	Count int       `json:"count"`
	First time.Time `json:"first"`
	// Until is when the next try is allowed.
	Until time.Time `json:"until"`
}

// expired reports whether the failures are forgotten.
func (f failures) expired(now time.Time) bool {
	return now.After(f.First.Add(failuresCount)) && now.After(f.Until.Add(longestWait))
}

// more counts one more.
func (f failures) more(limit int, now time.Time) failures {
	if f.Count == 0 || f.expired(now) {
		f = failures{First: now}
	}
	f.Count++
	if over := f.Count - limit; over >= 0 {
		wait := longestWait
		if over < 4 {
			wait = min(firstWait<<over, longestWait)
		}
		f.Until = now.Add(wait)
	}
	return f
}

// subject is what failures are counted for.
type subject struct {
	id    string
	limit int
}

// subjects of an attempt. Names are hashed under a key: they may be passwords that were typed in the wrong place.
func (s *Service) subjects(a attempt) [3]subject {
	name, address := s.blind(key(a.username)), network(a.sourceIP)
	return [3]subject{
		{"pair/" + name + "/" + address, pairLimit}, {"user/" + name, userLimit}, {"address/" + address, addressLimit},
	}
}

func (s *Service) blind(name string) string {
	mac := hmac.New(sha256.New, s.keys.Sessions()[0])
	mac.Write([]byte("login failures\x00" + name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// network is an address as it is counted: an IPv6 customer has at least a /64.
func network(sourceIP string) string {
	ip, err := netip.ParseAddr(sourceIP)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		prefix, _ := ip.Prefix(64)
		return prefix.String()
	}
	return ip.String()
}

// locked is the error of who has to wait, with how long.
type locked struct {
	err  *autodefend.Error
	left time.Duration
}

func (l locked) Error() string { return l.err.Error() }
func (l locked) Unwrap() error { return l.err }

// RetryAfter is how long to wait.
func (l locked) RetryAfter() time.Duration { return l.left }

// checkLocked fails when one of the subjects has to wait.
func (s *Service) checkLocked(ctx context.Context, a attempt) error {
	for _, subject := range s.subjects(a) {
		f, _, err := s.failuresOf(ctx, subject.id)
		if err != nil {
			return err
		}
		if left := f.Until.Sub(s.now()); left > 0 {
			return locked{
				autodefend.Errorf(autodefend.CodeThrottled, "too many wrong passwords").WithHint("try again in %d s", int(left.Seconds())+1), left,
			}
		}
	}
	return nil
}

// failuresOf returns what is stored of a subject, and its version: 0 when nothing is.
func (s *Service) failuresOf(ctx context.Context, id string) (failures, int64, error) {
	d, err := s.documents.Document(ctx, api.KindLoginFailures, id)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return failures{}, 0, nil
	}
	if err != nil {
		return failures{}, 0, fmt.Errorf("read failed logins: %w", err)
	}
	f, err := read[failures](d)
	return f, d.Version, err
}

// countFailure counts a wrong password, and tells it in the same transaction.
func (s *Service) countFailure(ctx context.Context, a attempt) error {
	defer s.sweeps.count(func() { s.sweepLater(ctx) })
	audit := s.loginAudit(api.MgmtAudit{API: a.api, Username: a.username, SourceIP: a.sourceIP, Failure: true, Status: "wrong name or password"})
	return s.retry(ctx, func() error {
		var changes []api.DocumentChange
		for _, subject := range s.subjects(a) {
			f, version, err := s.failuresOf(ctx, subject.id)
			if err != nil {
				return err
			}
			body, err := json.Marshal(f.more(subject.limit, s.now()))
			if err != nil {
				return fmt.Errorf("write failed logins: %w", err)
			}
			changes = append(changes, api.DocumentChange{Kind: api.KindLoginFailures, ID: subject.id, Version: version, Body: body})
		}
		return s.documents.Write(ctx, changes, &audit)
	})
}

// forgive forgets the wrong passwords of a user from an address after the right one. Those of the address stay: one's own
// password mustn't buy guesses at others'.
func (s *Service) forgive(ctx context.Context, a attempt) error {
	id := s.subjects(a)[0].id
	_, version, err := s.failuresOf(ctx, id)
	if err != nil || version == 0 {
		return err
	}
	err = s.documents.Write(ctx, []api.DocumentChange{{Kind: api.KindLoginFailures, ID: id, Version: api.Any}}, nil)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return nil
	}
	return err
}

// conflictTries is how often a change is made again that another one overtook.
const conflictTries = 10

// retry makes a change of what it reads anew as long as others overtake it.
func (s *Service) retry(ctx context.Context, change func() error) error {
	var err error
	for range conflictTries {
		if err = change(); autodefend.ErrorCode(err) != autodefend.CodeConflict || ctx.Err() != nil {
			return err
		}
	}
	return err
}
