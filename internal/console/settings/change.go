package settings

import (
	"context"
	"encoding/json"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// edit is what a write changes, and the JSON of it before and after for the management audit.
type edit struct {
	changes       []api.DocumentChange
	before, after json.RawMessage
}

// attempts bounds how often a write is tried again when others write the same.
const attempts = 8

// change carries out a write that depends on what is stored: prepare is asked again when somebody else wrote in between. An
// edit without changes is none.
func (s *Service) change(ctx context.Context, c *route.Call, t api.MgmtType, prepare func() (edit, error)) error {
	for try := 1; ; try++ {
		e, err := prepare()
		if err != nil || len(e.changes) == 0 {
			return err
		}
		err = s.Documents.Write(ctx, e.changes, journal.Audit(c, t, s.Now(), e.before, e.after))
		if err == nil {
			s.resolver.forget()
			return nil
		}
		if autodefend.ErrorCode(err) != autodefend.CodeConflict || try == attempts {
			return err
		}
	}
}

// read returns a document; a zero one when there is none.
func (s *Service) read(ctx context.Context, kind api.Kind, id string) (api.Document, error) {
	d, err := s.Documents.Document(ctx, kind, id)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return api.Document{Kind: kind, ID: id}, nil
	}
	return d, err
}

// readAll returns all documents of a kind as values.
func readAll[T any](ctx context.Context, s *Service, kind api.Kind) ([]T, error) {
	documents, err := s.Documents.Documents(ctx, kind)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(documents))
	for i, d := range documents {
		if err := stored(d, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// stored reads what a document holds.
func stored(d api.Document, to any) error {
	if err := json.Unmarshal(d.Body, to); err != nil {
		return &autodefend.Error{
			Code: autodefend.CodeInternal, Message: "a stored document of kind " + string(d.Kind) + " can't be read", Err: err,
		}
	}
	return nil
}

// to makes the change from a document, as it was read, to a new content.
func to(d api.Document, body json.RawMessage) api.DocumentChange {
	return api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version, Body: body}
}

// hold makes a write depend on a document staying as it was read.
func (e *edit) hold(d api.Document) {
	for _, c := range e.changes {
		if c.Kind == d.Kind && c.ID == d.ID {
			return
		}
	}
	e.changes = append(e.changes, to(d, d.Body))
}
