package settings

import (
	"context"
	"encoding/json"

	"github.com/autodefend/autodefend/internal/api"
)

// renames are the rules of a policy that get another name, by the old one.
func renames(was, now *ruleDocument) map[string]string {
	all := make(map[string]string)
	for i := range now.rules {
		previous, name := now.rules[i].text("previousName"), now.rules[i].text("name")
		if previous != "" && previous != name && was.find(previous) >= 0 && now.find(previous) < 0 {
			all[previous] = name
		}
	}
	return all
}

// renamedRules changes the alert profiles that name rules which get another name: they would fall silent.
func (s *Service) renamedRules(ctx context.Context, k policyKind, renamed map[string]string) ([]api.DocumentChange, error) {
	if len(renamed) == 0 {
		return nil, nil
	}
	profiles, err := s.Documents.Documents(ctx, api.KindAlertProfile)
	if err != nil {
		return nil, err
	}
	var changes []api.DocumentChange
	for _, d := range profiles {
		if next := renameInProfile(d.Body, k.id, renamed); next != nil {
			changes = append(changes, to(d, next))
		}
	}
	return changes, nil
}

// renameInProfile returns an alert profile with the new names in policy.KIND.rules; nil when it has none of the old ones.
func renameInProfile(raw json.RawMessage, kind string, renamed map[string]string) json.RawMessage {
	profile, _ := readObject(raw)
	policies, _ := readObject(profile.get("policy"))
	rule, ok := readObject(policies.get(kind))
	if !ok {
		return nil
	}
	var names []string
	if json.Unmarshal(rule.get("rules"), &names) != nil {
		return nil
	}
	changed := false
	for i, name := range names {
		if next, ok := renamed[name]; ok {
			names[i], changed = next, true
		}
	}
	if !changed {
		return nil
	}
	rule.set("rules", marshal(names))
	policies.set(kind, rule.raw())
	profile.set("policy", policies.raw())
	return profile.raw()
}
