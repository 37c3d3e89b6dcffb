package autodefend

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// previewRules says what a list of rules would do, without storing it.
func (s *Service) previewRules(ctx context.Context, c *route.Call) (route.Answer, error) {
	r, err := s.replace(ctx, c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	preview, err := s.foresee(ctx, r)
	return route.Answer{JSON: preview}, err
}

// foresee compares the functions as they were seen last with a new list.
func (s *Service) foresee(ctx context.Context, r *replacement) (api.AutoDeployPreview, error) {
	p := api.AutoDeployPreview{Defend: []api.PreviewFunction{}, Undefend: []api.PreviewFunction{}}
	defended := 0
	shrunk := r.shrunk()
	err := s.eachFunction(ctx, api.FunctionQuery{}, func(record api.FunctionRecord) error {
		f, info, err := functionOf(record)
		if err != nil {
			return err
		}
		if p.Seen.IsZero() || record.Seen.Before(p.Seen) {
			p.Seen = record.Seen
		}
		if info.Defended {
			defended++
		}
		at := owner(r.after, &f, "", true)
		was := owner(shrunk, &f, "", true)
		entry := api.PreviewFunction{ID: record.ARN, Name: record.Name, Account: record.Account, Region: record.Region}
		switch {
		case at < 0 && was >= 0 && info.Defended:
			entry.Rule, entry.Reason = shrunk[was].rule.Name, "no rule covers it any more"
			p.Undefend = append(p.Undefend, entry)
		case at >= 0 && !info.Defended && (info.Own.Rule != r.after[at].rule.Name || info.Own.Decision != autodefend.Skip):
			entry.Rule, entry.Reason = r.after[at].rule.Name, "the rule covers it; it is judged before anything is changed"
			p.Defend = append(p.Defend, entry)
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	byID := func(a, b api.PreviewFunction) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(p.Defend, byID)
	slices.SortFunc(p.Undefend, byID)
	p.Allowed = s.allowed(defended)
	p.Confirm, err = digest(r.rules, p.Undefend)
	return p, err
}

// functionOf is a function as far as the inventory knows it, for rules to match.
func functionOf(record api.FunctionRecord) (autodefend.Function, api.FunctionInfo, error) {
	var info api.FunctionInfo
	if err := json.Unmarshal(record.Body, &info); err != nil {
		return autodefend.Function{}, info, &autodefend.Error{Code: autodefend.CodeInternal, Message: "read function " + record.ARN, Err: err}
	}
	arn, err := autodefend.ParseFunctionARN(record.ARN)
	if err != nil {
		return autodefend.Function{}, info, err
	}
	f := autodefend.Function{ARN: arn, Runtime: record.Runtime, Architecture: record.Architecture, TagsKnown: true, Tags: map[string]string{}}
	for _, tag := range info.FunctionTags {
		f.Tags[tag.Key] = tag.Value
	}
	return f, info, nil
}

// allowed is how many functions may lose the Defender without confirmation.
func (s *Service) allowed(defended int) int {
	return max(s.cfg.DetachFew, min(s.cfg.DetachMany, defended/5))
}

// digest stands for whom a list of rules covers and what it takes away.
func digest(rules []api.AutoDeployRule, undefend []api.PreviewFunction) (string, error) {
	sum := sha256.New()
	for _, r := range rules {
		err := json.NewEncoder(sum).Encode([]any{
			r.Name, r.CredentialID, r.AWSRegionType, r.Region, r.Collections, r.Runtimes, r.Own.Regions, r.Own.Excludes, r.Own.Recipe,
		})
		if err != nil {
			return "", err
		}
	}
	for _, f := range undefend {
		fmt.Fprintln(sum, f.ID)
	}
	return hex.EncodeToString(sum.Sum(nil))[:32], nil
}

// confirmed is an error when more functions would lose the Defender than goes without saying.
func confirmed(p api.AutoDeployPreview, confirm string) error {
	if len(p.Undefend) <= p.Allowed || confirm == p.Confirm {
		return nil
	}
	if confirm != "" {
		return autodefend.Errorf(autodefend.CodeConflict, "confirm: it isn't the digest of this list and what it would do now: %d functions would lose the Defender", len(p.Undefend)).
			WithHint("see POST /api/v1/settings/serverless-auto-deploy/preview, then repeat with ?confirm=%s", p.Confirm)
	}
	return autodefend.Errorf(autodefend.CodeConflict, "rules: %d functions would lose the Defender, more than the %d that go without confirmation; nothing was changed",
		len(p.Undefend), p.Allowed).
		WithHint("see POST /api/v1/settings/serverless-auto-deploy/preview for which, then repeat with ?confirm=%s", p.Confirm)
}
