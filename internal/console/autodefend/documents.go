package autodefend

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// The ids of documents of the kind [api.KindRuleStatus] begin with what they are.
const (
	idRule = "rule:" // and the rule's name: an [api.AutoDeployState]
	idJob  = "job:"  // and the run's id: an [api.AutoDeployJob]
	idSite = "site:" // and ACCOUNT/REGION: a [siteSummary]
	idLook = "look:" // and the credential: a [lookState]
	// idAllowance comes before the id of a change of the rules: an [allowance].
	idAllowance = "allowance:"
	idControl   = "control"
)

// control is what people asked of the replicas, by when.
type control struct {
	// Scan asks for the evaluation of every rule, Look for a look at every account.
	Scan time.Time `json:"scan,omitzero"`
	Look time.Time `json:"look,omitzero"`
	// Stop ends what began for rules before, StopLook the looks that did.
	Stop     time.Time `json:"stop,omitzero"`
	StopLook time.Time `json:"stopLook,omitzero"`
}

// lookState is what is known of the looks at one credential's accounts.
type lookState struct {
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Error    string    `json:"error,omitempty"`
	Scanned  int       `json:"scanned"`
	Total    int       `json:"total"`
}

// siteSummary is what is known of an account's region as a whole.
type siteSummary struct {
	Account    string             `json:"account"`
	Region     string             `json:"region"`
	Credential string             `json:"credential"`
	Report     api.CoverageReport `json:"report"`
	// Listed is when it was last listed in full.
	Listed time.Time `json:"listed"`
	// Error is why the last listing wasn't complete; the report is then of the one before.
	Error string `json:"error,omitempty"`
}

// state is all that the scheduler and the statuses go by.
type state struct {
	generation int64

	rules   []api.AutoDeployRule
	version int64 // of the rules' document
	states  map[string]api.AutoDeployState
	jobs    []api.AutoDeployJob
	// changes are those of the rules that have an [allowance].
	changes []string
	sites   []siteSummary
	looks   map[string]lookState
	control control
	// scans are the credentials that cloud scan rules look at functions with.
	scans []string
}

// load reads the state, which nobody may change, anew when something of it was written.
func (s *Service) load(ctx context.Context) (*state, error) {
	now, err := s.cfg.Documents.Generation(ctx, api.KindAutoDeploy, api.KindRuleStatus, api.KindCloudScanRule)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	was := s.loaded
	s.mu.Unlock()
	if was != nil && was.generation == now {
		return was, nil
	}
	st, err := s.loadAll(ctx)
	if err != nil {
		return nil, err
	}
	st.generation = now // what was written since then is read the next time
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = st
	return st, nil
}

// loadAll reads the state.
func (s *Service) loadAll(ctx context.Context) (*state, error) {
	rules, version, err := s.rules(ctx)
	if err != nil {
		return nil, err
	}
	st := &state{rules: rules, version: version, states: map[string]api.AutoDeployState{}, looks: map[string]lookState{}}
	docs, err := s.cfg.Documents.Documents(ctx, api.KindRuleStatus)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		if err := st.add(d); err != nil {
			return nil, damaged(d, err)
		}
	}
	st.scans, err = s.scanned(ctx)
	return st, err
}

// add sorts one document in.
func (st *state) add(d api.Document) error {
	what, name, _ := strings.Cut(d.ID, ":")
	switch what + ":" {
	case idRule:
		return into(d.Body, func(v api.AutoDeployState) { st.states[name] = v })
	case idJob:
		return into(d.Body, func(v api.AutoDeployJob) { st.jobs = append(st.jobs, v) })
	case idAllowance:
		st.changes = append(st.changes, name)
	case idSite:
		return into(d.Body, func(v siteSummary) { st.sites = append(st.sites, v) })
	case idLook:
		return into(d.Body, func(v lookState) { st.looks[name] = v })
	case idControl + ":":
		return json.Unmarshal(d.Body, &st.control)
	}
	return nil
}

func into[T any](body []byte, put func(T)) error {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	put(v)
	return nil
}

// damaged is the error of a document that can't be read.
func damaged(d api.Document, err error) error {
	return &autodefend.Error{Code: autodefend.CodeInternal, Message: "read " + string(d.Kind) + " " + d.ID, Err: err}
}

// rules reads the list of rules and the version of its document, 0 when there is none.
func (s *Service) rules(ctx context.Context) ([]api.AutoDeployRule, int64, error) {
	d, err := s.cfg.Documents.Document(ctx, api.KindAutoDeploy, "")
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	rules, err := api.ParseAutoDeploy(d.Body)
	if err != nil {
		return nil, 0, damaged(d, err)
	}
	return rules, d.Version, nil
}

// scanned are the credentials of cloud scan rules that discover functions.
func (s *Service) scanned(ctx context.Context) ([]string, error) {
	docs, err := s.cfg.Documents.Documents(ctx, api.KindCloudScanRule)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, d := range docs {
		var r struct {
			CredentialID           string `json:"credentialId"`
			DiscoveryEnabled       bool   `json:"discoveryEnabled"`
			ServerlessRadarEnabled bool   `json:"serverlessRadarEnabled"`
			ServerlessScanSpec     struct {
				Enabled bool `json:"enabled"`
			} `json:"serverlessScanSpec"`
		}
		if json.Unmarshal(d.Body, &r) != nil || r.CredentialID == "" {
			continue // not ours to judge
		}
		if r.DiscoveryEnabled || r.ServerlessRadarEnabled || r.ServerlessScanSpec.Enabled {
			ids = append(ids, r.CredentialID)
		}
	}
	return ids, nil
}

// put makes the change that stores v, whatever is stored now.
func put(kind api.Kind, id string, v any) (api.DocumentChange, error) {
	body, err := json.Marshal(v)
	return api.DocumentChange{Kind: kind, ID: id, Version: api.Any, Body: body}, err
}

// store writes a document of the kind [api.KindRuleStatus] at once.
func (s *Service) store(ctx context.Context, id string, v any) error {
	change, err := put(api.KindRuleStatus, id, v)
	if err != nil {
		return err
	}
	return s.cfg.Documents.Write(ctx, []api.DocumentChange{change}, nil)
}

// drop deletes a document of the kind [api.KindRuleStatus], whatever it holds.
func (s *Service) drop(ctx context.Context, id string) error {
	gone := api.DocumentChange{Kind: api.KindRuleStatus, ID: id, Version: api.Any}
	return s.cfg.Documents.Write(ctx, []api.DocumentChange{gone}, nil)
}

// read reads a document; one that isn't there is the zero value.
func read[T any](ctx context.Context, s *Service, kind api.Kind, id string) (T, error) {
	v, _, err := readVersion[T](ctx, s, kind, id)
	return v, err
}

// readVersion reads a document with its version; 0 when there is none.
func readVersion[T any](ctx context.Context, s *Service, kind api.Kind, id string) (T, int64, error) {
	var v T
	d, err := s.cfg.Documents.Document(ctx, kind, id)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return v, 0, nil
	}
	if err != nil {
		return v, 0, err
	}
	if err := json.Unmarshal(d.Body, &v); err != nil {
		return v, 0, damaged(d, err)
	}
	return v, d.Version, nil
}
