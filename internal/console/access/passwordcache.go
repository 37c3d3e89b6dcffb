package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// passwordLife is how long a verified password is believed without being hashed again.
	passwordLife = time.Minute
	// basicAuditEvery is how often Basic authentication of a user from an address is told as a login.
	basicAuditEvery = time.Hour
)

// passwordCache remembers which passwords were right, so that Basic authentication of every call doesn't cost a hash each
// time. It holds no password, only its HMAC under a key of this process.
type passwordCache struct {
	secret []byte

	mu      sync.Mutex
	entries map[string]passwordEntry // by the user's key
}

type passwordEntry struct {
	mac     []byte
	until   time.Time
	address string
	audited time.Time
}

func newPasswordCache() *passwordCache {
	return &passwordCache{secret: randomBytes(sha256.Size), entries: map[string]passwordEntry{}}
}

// mac is of the password and the user's epoch: it's another one once the user changed.
func (c *passwordCache) mac(u user, password string) []byte {
	mac := hmac.New(sha256.New, c.secret)
	mac.Write([]byte(u.UID + "\x00" + u.Epoch + "\x00" + u.Hash + "\x00" + password))
	return mac.Sum(nil)
}

// holds reports whether the password was right less than [passwordLife] ago.
func (c *passwordCache) holds(u user, password string, now time.Time) bool {
	mac := c.mac(u, password)
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, has := c.entries[key(u.Username)]
	return has && now.Before(entry.until) && hmac.Equal(mac, entry.mac)
}

// keep remembers that the password was right, and reports whether that should be told as a login.
func (c *passwordCache) keep(u user, password, address string, now time.Time) bool {
	mac := c.mac(u, password)
	c.mu.Lock()
	defer c.mu.Unlock()
	before, has := c.entries[key(u.Username)]
	tell := !has || before.address != address || !now.Before(before.audited.Add(basicAuditEvery))
	entry := passwordEntry{mac: mac, until: now.Add(passwordLife), address: address, audited: before.audited}
	if tell {
		entry.audited = now
	}
	c.entries[key(u.Username)] = entry
	return tell
}
