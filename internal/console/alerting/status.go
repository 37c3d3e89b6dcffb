package alerting

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const statusPrefix = "status/"

// status is what last went wrong with a profile, by channel. Channels that work aren't in it; some that the profile doesn't
// have any more may be.
type status map[string]string

// text is the status of some channels in one line; "" when all work.
func (s status) text(channels []string) string {
	var lines []string
	for _, channel := range slices.Sorted(slices.Values(channels)) {
		if problem := s[channel]; problem != "" {
			lines = append(lines, channel+": "+problem)
		}
	}
	return strings.Join(lines, "; ")
}

// statuses returns the statuses of all profiles that have one.
func (s *Service) statuses(ctx context.Context) (map[string]status, error) {
	documents, err := s.documents.Documents(ctx, api.KindAlertState)
	if err != nil {
		return nil, fmt.Errorf("read the state of alerts: %w", err)
	}
	all := make(map[string]status)
	for _, doc := range documents {
		name, ok := strings.CutPrefix(doc.ID, statusPrefix)
		if !ok {
			continue
		}
		var st status
		if err := json.Unmarshal(doc.Body, &st); err != nil {
			s.logger.ErrorContext(ctx, "the state of an alert profile can't be read", "profile", name, "error", err)
			continue
		}
		all[name] = st
	}
	return all, nil
}

// note keeps what came of sending by a channel; "" is a success. Only changes are written.
func (s *Service) note(ctx context.Context, profile, channel, problem string) {
	s.noting.Lock() // channels of one profile share a document
	defer s.noting.Unlock()
	if err := s.writeStatus(ctx, profile, channel, problem); err != nil && autodefend.ErrorCode(err) != autodefend.CodeConflict {
		s.logger.WarnContext(ctx, "the state of an alert profile can't be written", "profile", profile, "error", err)
	}
}

func (s *Service) writeStatus(ctx context.Context, profile, channel, problem string) error {
	doc, err := s.documents.Document(ctx, api.KindAlertState, statusPrefix+profile)
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return err
	}
	st := make(status)
	if err == nil {
		if err := json.Unmarshal(doc.Body, &st); err != nil || st == nil {
			st = make(status)
		}
	}
	if st[channel] == problem {
		return nil
	}
	st[channel] = problem
	if problem == "" {
		delete(st, channel)
	}
	body, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return s.documents.Write(ctx, []api.DocumentChange{{Kind: api.KindAlertState, ID: statusPrefix + profile, Version: doc.Version, Body: body}}, nil)
}

// forgetStatus removes the status of a profile that is gone.
func (s *Service) forgetStatus(ctx context.Context, profile string) {
	err := s.documents.Write(ctx, []api.DocumentChange{{Kind: api.KindAlertState, ID: statusPrefix + profile, Version: api.Any}}, nil)
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		s.logger.WarnContext(ctx, "the state of an alert profile can't be removed", "profile", profile, "error", err)
	}
}
