package settings

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

const (
	// rotationAge is how old a token gets before its Defender is given a new one with its policy.
	rotationAge = 7 * 24 * time.Hour
	// rotationMargin is by how much such a token is made to look older than it is. It was made for the old token, so whatever
	// revokes that one has to revoke it too: a revocation that is written while it's being made, and one by a replica whose
	// clock is behind.
	rotationMargin = 5 * time.Minute
)

// defenderPolicy answers a Defender that asks for its policy. The envelope has the token that it's to call with from now on,
// but not how the Console is reached: that stays as the function was attached, by a rule's address and proxy or by what
// somebody encoded. The tag is that of what the policy means; when the token is old it tells which one was, and how often
// it would have been replaced, so that a Defender that goes on with it is given a new one once in rotationAge and not on
// every question.
func (s *Service) defenderPolicy(ctx context.Context, c *route.Call) (route.Answer, error) {
	id := c.Principal.Function
	if id.Function == "" {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "the token is for no function").
			WithHint("a Defender's token is part of TW_POLICY")
	}
	r, err := s.resolve(ctx, generationAge)
	if err != nil {
		return route.Answer{}, err
	}
	t := policy.Target{Function: id.Function, Region: id.Region, AccountID: id.Account, Provider: "aws"}
	at, err := s.place(ctx, r, t)
	if err != nil {
		return route.Answer{}, err
	}
	meaning, err := s.tag(r, at)
	if err != nil {
		return route.Answer{}, err
	}
	tag, rotate := meaning, s.rotations(id)
	if rotate > 0 {
		tag += "." + strconv.FormatInt(id.Issued, 36) + "." + strconv.FormatInt(rotate, 10)
	}
	s.heartbeat(c, meaning)
	header := map[string]string{"ETag": `"` + tag + `"`, "Cache-Control": "private, no-cache"}
	if matches(c, meaning, tag) {
		return route.Answer{Status: http.StatusNotModified, Header: header}, nil
	}
	if rotate > 0 {
		id.Issued = s.Now().Add(-rotationMargin).Unix()
	}
	value, err := s.encodeBy(s.signer(id), r, at, policy.Envelope{Target: t, Console: policy.Console{Token: s.Tokens.DefenderToken(id)}}, 0)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{Raw: []byte(value), Media: "text/plain", Header: header}, nil
}

// rotations is how many times a token is older than rotationAge.
func (s *Service) rotations(id route.FunctionIdentity) int64 {
	if id.Issued == 0 {
		return 0
	}
	return max(0, (s.Now().Unix()-id.Issued)/int64(rotationAge/time.Second))
}

// matches tells whether a Defender has the policy already, and has been given a new token when tag says so.
func matches(c *route.Call, meaning, tag string) bool {
	if c.Header == nil {
		return false
	}
	for given := range strings.SplitSeq(c.Header("If-None-Match"), ",") {
		given = strings.Trim(strings.TrimPrefix(strings.TrimSpace(given), "W/"), `"`)
		if given == tag {
			return true
		}
		// Who has followed to a new token still has the tag that it came with.
		if base, _, _ := strings.Cut(given, "."); tag == meaning && base == meaning {
			return true
		}
	}
	return false
}

// heartbeat notes that a function was heard of.
func (s *Service) heartbeat(c *route.Call, tag string) {
	if s.Heartbeats == nil {
		return
	}
	id := c.Principal.Function
	d := api.DefenderRecord{Account: id.Account, Region: id.Region, Function: id.Function, PolicyETag: tag, LastSeen: s.now()}
	if c.Header != nil {
		if version, ok := strings.CutPrefix(c.Header("User-Agent"), "autodefend-defender/"); ok && len(version) <= 32 {
			d.Version = version
		}
	}
	s.Heartbeats.Heard(d)
}
