package alerting

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// put adds, replaces or renames a profile.
func (s *Service) put(ctx context.Context, c *route.Call) (route.Answer, error) {
	// Of members that differ only in case the last one counts, and which that is depends on how they're written: so what is
	// judged is written as it will be stored.
	members, err := readMembers(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	judged, err := writeJSON(members)
	if err != nil {
		return route.Answer{}, err
	}
	wanted, err := api.DecodeAlertProfile(judged)
	if err != nil {
		return route.Answer{}, err
	}
	if err := validate(wanted); err != nil {
		return route.Answer{}, err
	}
	before, err := s.predecessor(ctx, wanted)
	if err != nil {
		return route.Answer{}, err
	}
	next, err := s.successor(c, wanted, before)
	if err != nil {
		return route.Answer{}, err
	}
	body, err := next.body()
	if err != nil {
		return route.Answer{}, err
	}
	if err := s.checkUses(ctx, c.Principal, body, before); err != nil {
		return route.Answer{}, err
	}
	// What is stored from now on is the profile's, also when nobody has looked for alerts so far.
	if err := s.startPositions(ctx); err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.store(ctx, c, wanted.Name, body, before)
}

// validate finds mistakes that can be told without asking anybody; mail addresses are read as they will be when mail is
// sent.
func validate(p api.AlertProfile) error {
	if err := p.Validate(); err != nil || !p.Email.Enabled {
		return err
	}
	for i, address := range append([]string{p.Email.From}, p.Email.Recipients...) {
		if _, err := mail.ParseAddress(address); err != nil {
			field := "email.from"
			if i > 0 {
				field = "email.recipients[" + strconv.Itoa(i-1) + "]"
			}
			return autodefend.Errorf(autodefend.CodeInvalid, "%s: isn't a mail address", field).WithHint("such as security@example.com")
		}
	}
	return nil
}

// predecessor is the stored profile that one replaces: of its previous name or its name, nil for a new one.
func (s *Service) predecessor(ctx context.Context, wanted api.AlertProfile) (*profile, error) {
	name := wanted.Name
	if wanted.PreviousName != "" {
		name = wanted.PreviousName
	}
	doc, err := s.documents.Document(ctx, api.KindAlertProfile, name)
	switch {
	case err == nil:
		return readProfile(doc)
	case autodefend.ErrorCode(err) != autodefend.CodeNotFound:
		return nil, fmt.Errorf("read alert profile: %w", err)
	case name != wanted.Name:
		return nil, autodefend.Errorf(autodefend.CodeNotFound, "previousName: there is no alert profile %q", name).
			WithHint("leave previousName out to add a profile")
	}
	all, err := s.loadProfiles(ctx)
	if err == nil && len(all) >= maxProfiles {
		err = autodefend.Errorf(autodefend.CodeInvalid, "there are %d alert profiles, and there can't be more", len(all)).WithHint("delete one")
	}
	return nil, err
}

// successor is the profile that is stored: all that the client wrote, without secrets and with what the Console fills in.
func (s *Service) successor(c *route.Call, wanted api.AlertProfile, before *profile) (*profile, error) {
	members, err := readMembers(c.Body)
	if err != nil {
		return nil, err
	}
	for _, ours := range []string{sealedMember, "lastError", "previousName", "_id", "name", "modified", "owner"} {
		deleteFolded(members, ours)
	}
	members["_id"], members["name"] = wanted.Name, wanted.Name
	members["modified"] = s.now().UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z07:00")
	members["owner"] = c.Principal.Username
	taken, err := takeSecrets(members)
	if err != nil {
		return nil, err
	}
	next := &profile{members: members}
	if next.sealed.Secrets, err = s.seal(wanted.Name, taken, before); err != nil {
		return nil, err
	}
	if before != nil {
		next.sealed.FormerNames = formerNames(before, wanted.Name)
	}
	return next, nil
}

// maxFormerNames bounds the names under which a profile's deliveries may wait.
const maxFormerNames = 20

// formerNames are the names that a profile had before.
func formerNames(before *profile, name string) []string {
	var names []string
	for _, former := range append([]string{before.Name}, before.sealed.FormerNames...) {
		if former != name && !slices.Contains(names, former) && len(names) < maxFormerNames {
			names = append(names, former)
		}
	}
	return names
}

// store writes a profile in place of the one before.
func (s *Service) store(ctx context.Context, c *route.Call, name string, body []byte, before *profile) error {
	change := api.DocumentChange{Kind: api.KindAlertProfile, ID: name, Body: body}
	var changes []api.DocumentChange
	var was []byte
	if before != nil {
		was = before.document.Body
		if before.Name == name {
			change.Version = before.document.Version
		} else {
			changes = append(changes, api.DocumentChange{Kind: api.KindAlertProfile, ID: before.Name, Version: before.document.Version})
		}
	}
	changes = append(changes, change)
	if err := s.documents.Write(ctx, changes, journal.Audit(c, api.MgmtSettings, s.now(), was, body)); err != nil {
		return fmt.Errorf("write alert profile: %w", err)
	}
	switch {
	case before == nil:
		s.forgetStatus(ctx, name) // of one that was deleted while it told somebody
	case before.Name != name:
		s.forgetStatus(ctx, before.Name)
	}
	return nil
}

// remove deletes a profile. Deliveries that wait for it become dead letters.
func (s *Service) remove(ctx context.Context, c *route.Call) (route.Answer, error) {
	doc, err := s.documents.Document(ctx, api.KindAlertProfile, c.Path["id"])
	if err != nil {
		return route.Answer{}, named(err, c.Path["id"])
	}
	changes := []api.DocumentChange{{Kind: api.KindAlertProfile, ID: doc.ID, Version: doc.Version}}
	if err := s.documents.Write(ctx, changes, journal.Audit(c, api.MgmtSettings, s.now(), doc.Body, nil)); err != nil {
		return route.Answer{}, fmt.Errorf("delete alert profile: %w", err)
	}
	s.forgetStatus(ctx, doc.ID)
	return route.Answer{}, nil
}

// named words the absence of a profile.
func named(err error, name string) error {
	if autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return err
	}
	return autodefend.Errorf(autodefend.CodeNotFound, "there is no alert profile %q", name).WithHint("GET /alert-profiles/names lists them")
}

// credential opens a credential of one of the types.
func (s *Service) credential(ctx context.Context, id string, types []api.CredentialType) (api.Credential, error) {
	credential, err := s.credentials.Credential(ctx, id)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return api.Credential{}, autodefend.Errorf(autodefend.CodeInvalid, "there is no credential %q", id).WithHint("GET /credentials lists them")
	}
	if err != nil {
		return api.Credential{}, fmt.Errorf("open credential: %w", err)
	}
	if !slices.Contains(types, credential.Type) {
		var names []string
		for _, t := range types {
			names = append(names, string(t))
		}
		return api.Credential{}, autodefend.Errorf(autodefend.CodeInvalid, "the credential %q is of type %s", id, credential.Type).
			WithHint("this channel takes %s", strings.Join(names, " or "))
	}
	return credential, nil
}

// inField names the member that an error is about.
func inField(field string, err error) error {
	e, ok := errors.AsType[*autodefend.Error](err)
	if !ok || e.Code != autodefend.CodeInvalid {
		return err
	}
	in := *e
	in.Message = field + ": " + e.Message
	return &in
}
