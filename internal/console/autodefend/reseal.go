package autodefend

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// Reseal returns what a stored document becomes when the password of each rule's proxy, with what it is sealed for, goes
// through reseal: the list of rules, jobs and runs, which have the rule as it was. It returns nil for documents without any.
func Reseal(d api.Document, reseal func(sealed, of []byte) ([]byte, error)) ([]byte, error) {
	switch {
	case d.Kind == api.KindAutoDeploy:
		rules, err := api.ParseAutoDeploy(d.Body)
		if err != nil {
			return nil, err
		}
		return resealed(d, rules, pointers(rules), reseal)
	case d.Kind == api.KindRuleStatus && strings.HasPrefix(d.ID, idJob):
		var job api.AutoDeployJob
		if err := json.Unmarshal(d.Body, &job); err != nil {
			return nil, fmt.Errorf("read job %q: %w", d.ID, err)
		}
		return resealed(d, &job, []*api.AutoDeployRule{&job.Rule}, reseal)
	case d.Kind == api.KindRun:
		var run api.RunRecord
		if err := json.Unmarshal(d.Body, &run); err != nil {
			return nil, fmt.Errorf("read run %q: %w", d.ID, err)
		}
		if run.Spec == nil {
			return nil, nil
		}
		return resealed(d, &run, []*api.AutoDeployRule{run.Spec}, reseal)
	default:
		return nil, nil
	}
}

func pointers(rules []api.AutoDeployRule) []*api.AutoDeployRule {
	all := make([]*api.AutoDeployRule, len(rules))
	for i := range rules {
		all[i] = &rules[i]
	}
	return all
}

// resealed is a document's content after the passwords of its rules were sealed anew; nil when none has any.
func resealed(d api.Document, content any, rules []*api.AutoDeployRule, reseal func(sealed, of []byte) ([]byte, error)) ([]byte, error) {
	found := false
	for _, rule := range rules {
		_, encrypted, err := rule.ProxyPassword()
		if err != nil || encrypted == "" {
			continue
		}
		found = true
		place, err := placeOf(*rule)
		if err != nil {
			return nil, fmt.Errorf("seal %s %q anew: %w", d.Kind, d.ID, err)
		}
		sealed, err := base64.StdEncoding.DecodeString(encrypted)
		if err == nil {
			sealed, err = reseal(sealed, place)
		}
		if err == nil {
			*rule, err = rule.WithProxyPassword("", base64.StdEncoding.EncodeToString(sealed))
		}
		if err != nil {
			return nil, fmt.Errorf("seal %s %q anew: rule %q: %w", d.Kind, d.ID, rule.Name, err)
		}
	}
	if !found {
		return nil, nil
	}
	return json.Marshal(content)
}
