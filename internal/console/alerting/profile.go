package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// maxProfile bounds a profile, in bytes.
	maxProfile = 256 << 10
	// maxProfiles bounds how many there are: every audit is held against each.
	maxProfiles = 500
	// sealedMember is the member of a stored profile that clients never see.
	sealedMember = "sealed"
)

// profile is a stored alert profile.
type profile struct {
	api.AlertProfile
	document api.Document
	// members are what clients read: all that was written, with [api.SecretKept] in place of secrets.
	members map[string]any
	sealed  sealedPart
}

// sealedPart is what a stored profile has besides what clients read.
type sealedPart struct {
	// Secrets are sealed values by their path, such as "slack.webhookurl".
	Secrets map[string][]byte `json:"secrets,omitempty"`
	// FormerNames are the names under which deliveries may still wait.
	FormerNames []string `json:"formerNames,omitempty"`
}

// readProfile reads a stored profile.
func readProfile(doc api.Document) (*profile, error) {
	p := &profile{document: doc}
	var err error
	if p.members, err = readMembers(doc.Body); err != nil {
		return nil, fmt.Errorf("read alert profile %q: %w", doc.ID, err)
	}
	var stored struct{ Sealed sealedPart }
	if err := json.Unmarshal(doc.Body, &stored); err != nil {
		return nil, fmt.Errorf("read alert profile %q: %w", doc.ID, err)
	}
	p.sealed = stored.Sealed
	deleteFolded(p.members, sealedMember)
	if p.AlertProfile, err = api.DecodeAlertProfile(doc.Body); err != nil {
		return nil, fmt.Errorf("read alert profile %q: %w", doc.ID, err)
	}
	p.Name = doc.ID
	return p, nil
}

// body is the profile as it's stored.
func (p *profile) body() ([]byte, error) {
	members := make(map[string]any, len(p.members)+1)
	for name, value := range p.members {
		members[name] = value
	}
	if len(p.sealed.Secrets) > 0 || len(p.sealed.FormerNames) > 0 {
		members[sealedMember] = p.sealed
	}
	return writeJSON(members)
}

// readMembers reads a JSON object without losing numbers.
func readMembers(body []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var members map[string]any
	if err := dec.Decode(&members); err != nil || members == nil || dec.More() {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "alert profile: isn't a JSON object").WithHint("send one JSON object")
	}
	return members, nil
}

// writeJSON writes what was read as it was written: without the escapes that only HTML needs.
func writeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInternal, "write alert profile: %v", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// deleteFolded removes a member whatever its case: encoding/json finds it whatever its case, too.
func deleteFolded(members map[string]any, name string) {
	for member := range members {
		if strings.EqualFold(member, name) {
			delete(members, member)
		}
	}
}

// profileCache holds the profiles of one generation.
type profileCache struct {
	mu         sync.Mutex
	generation int64
	all        []*profile // nil before the first reading
}

// loadProfiles returns all profiles by name. What can't be read is logged and left out: it mustn't keep others' alerts.
func (s *Service) loadProfiles(ctx context.Context) ([]*profile, error) {
	generation, err := s.documents.Generation(ctx, api.KindAlertProfile)
	if err != nil {
		return nil, fmt.Errorf("read alert profiles: %w", err)
	}
	s.profiles.mu.Lock()
	defer s.profiles.mu.Unlock()
	if s.profiles.all != nil && s.profiles.generation == generation {
		return s.profiles.all, nil
	}
	documents, err := s.documents.Documents(ctx, api.KindAlertProfile)
	if err != nil {
		return nil, fmt.Errorf("read alert profiles: %w", err)
	}
	all := make([]*profile, 0, len(documents))
	for _, doc := range documents {
		p, err := readProfile(doc)
		if err != nil {
			s.logger.ErrorContext(ctx, "an alert profile can't be read", "profile", doc.ID, "error", err)
			continue
		}
		all = append(all, p)
	}
	s.profiles.all, s.profiles.generation = all, generation
	return all, nil
}

// find returns the profile of a name, also of one that it had before.
func find(all []*profile, name string) *profile {
	for _, p := range all {
		if p.Name == name {
			return p
		}
	}
	for _, p := range all {
		if slices.Contains(p.sealed.FormerNames, name) {
			return p
		}
	}
	return nil
}
