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

// tokenAge is how old a token gets before the Defender is given a new one with its policy.
const tokenAge = 30 * 24 * time.Hour

// defenderPolicy answers a Defender that asks for its policy. The tag is that of what the policy means; with an old token
// it has a suffix that counts its months, so that such a Defender is given a new token once, and not on every question
// when it can't keep it.
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
	months := s.months(id)
	tag := meaning
	if months > 0 {
		tag += "." + strconv.FormatInt(months, 10)
	}
	s.heartbeat(c, meaning)
	header := map[string]string{"ETag": `"` + tag + `"`, "Cache-Control": "private, no-cache"}
	if matches(c, meaning, tag, months) {
		return route.Answer{Status: http.StatusNotModified, Header: header}, nil
	}
	value, err := s.encode(r, at, policy.Envelope{Target: t, Console: s.console()}, 0)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{Raw: []byte(value), Media: "text/plain", Header: header}, nil
}

// months is how many times a token is older than tokenAge.
func (s *Service) months(id route.FunctionIdentity) int64 {
	if id.Issued == 0 {
		return 0
	}
	return max(0, (s.Now().Unix()-id.Issued)/int64(tokenAge/time.Second))
}

// matches tells whether a Defender has the policy already. The suffix doesn't matter to one whose token is young: it came
// with the policy.
func matches(c *route.Call, meaning, tag string, months int64) bool {
	if c.Header == nil {
		return false
	}
	for given := range strings.SplitSeq(c.Header("If-None-Match"), ",") {
		given = strings.Trim(strings.TrimPrefix(strings.TrimSpace(given), "W/"), `"`)
		if given == tag {
			return true
		}
		if base, _, _ := strings.Cut(given, "."); months == 0 && base == meaning {
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
