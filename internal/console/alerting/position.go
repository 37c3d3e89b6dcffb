package alerting

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const positionPrefix = "position/"

// position is how far the audits of a stream have been looked through.
type position struct {
	// Sequence is that of the last audit whose deliveries are in the outbox.
	Sequence int64 `json:"sequence"`
	version  int64 // of the document; 0 when there is none
}

func streams() []api.Stream { return []api.Stream{api.StreamRuntime, api.StreamFirewall} }

// readPosition returns the position in a stream; its version is 0 when there is none.
func (s *Service) readPosition(ctx context.Context, stream api.Stream) (position, error) {
	doc, err := s.documents.Document(ctx, api.KindAlertState, positionPrefix+string(stream))
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return position{}, nil
	}
	if err != nil {
		return position{}, fmt.Errorf("read the position of alerts: %w", err)
	}
	p := position{version: doc.Version}
	if err := json.Unmarshal(doc.Body, &p); err != nil {
		return position{}, autodefend.Errorf(autodefend.CodeInternal, "read the position of alerts: %v", err)
	}
	return p, nil
}

// writePosition moves a position on. It's a conflict when another replica has done so.
func (s *Service) writePosition(ctx context.Context, stream api.Stream, p position) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the position of alerts: %w", err)
	}
	change := api.DocumentChange{Kind: api.KindAlertState, ID: positionPrefix + string(stream), Version: p.version, Body: body}
	if err := s.documents.Write(ctx, []api.DocumentChange{change}, nil); err != nil {
		return fmt.Errorf("write the position of alerts: %w", err)
	}
	return nil
}

// startPositions begins at the newest audit of each stream where alerting hasn't begun yet: what was stored before there
// were profiles is nobody's alert.
func (s *Service) startPositions(ctx context.Context) error {
	for _, stream := range streams() {
		p, err := s.readPosition(ctx, stream)
		if err != nil {
			return err
		}
		if p.version != 0 {
			continue
		}
		if p.Sequence, err = s.newestSequence(ctx, stream); err != nil {
			return err
		}
		// A conflict means that another replica has begun.
		if err := s.writePosition(ctx, stream, p); err != nil && autodefend.ErrorCode(err) != autodefend.CodeConflict {
			return err
		}
	}
	return nil
}
