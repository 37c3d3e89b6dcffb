package audits

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// mediaCSV is compared literally by clients.
const mediaCSV = "text/csv"

// download writes all audits that are asked for. How many these are is bounded by the window of time and by how long
// audits are kept, not by a number: a list that ends early looks complete.
func (s *Service) download(ctx context.Context, c *route.Call, k kind) (route.Answer, error) {
	f, err := s.filter(ctx, c, k.stream)
	if err != nil {
		return route.Answer{}, err
	}
	rows := func(yield func([][]byte, error) bool) {
		for records, err := range s.newestFirst(ctx, f.Query) {
			bodies := make([][]byte, len(records))
			for i := range records {
				bodies[i] = records[i].Body
			}
			if !yield(bodies, err) {
				return
			}
		}
	}
	return writeCSV(c, columns(f.Fields, k.columns), rows)
}

// columns are those that are wanted.
func columns(fields, all []string) []string {
	if len(fields) > 0 {
		return fields
	}
	return all
}

// writeCSV writes JSON objects that come in pieces as rows: into the response as it goes, or into the answer where there
// is no stream. The first piece is read before anything is written, so that an error at the start has its status.
func writeCSV(c *route.Call, columns []string, pieces iter.Seq2[[][]byte, error]) (route.Answer, error) {
	next, stop := iter.Pull2(pieces)
	defer stop()
	bodies, err, more := next()
	if err != nil {
		return route.Answer{}, err
	}
	var whole bytes.Buffer
	var out io.Writer = &whole
	flush := func() error { return nil }
	if c.Stream != nil {
		stream, err := c.Stream(mediaCSV)
		if err != nil {
			return route.Answer{}, err
		}
		out, flush = stream, stream.Flush
	}
	w := csv.NewWriter(out)
	names := make([]string, len(columns))
	for i, name := range columns {
		names[i] = defused(name)
	}
	_ = w.Write(names) // the writer keeps its first error
	for ; more; bodies, err, more = next() {
		if err != nil {
			return route.Answer{}, err
		}
		for _, body := range bodies {
			row, err := cells(body, columns)
			if err != nil {
				return route.Answer{}, err
			}
			_ = w.Write(row)
		}
		if w.Flush(); w.Error() != nil {
			return route.Answer{}, gone(w.Error())
		}
		if err := flush(); err != nil {
			return route.Answer{}, gone(err)
		}
	}
	if w.Flush(); w.Error() != nil {
		return route.Answer{}, gone(w.Error())
	}
	if c.Stream != nil {
		return route.Answer{}, nil
	}
	return route.Answer{Raw: whole.Bytes(), Media: mediaCSV}, nil
}

// gone is the error of a client that no longer reads.
func gone(err error) error {
	return &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "write to the client", Err: err}
}

// piece makes one piece of values.
func piece[V any](all []V) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		bodies := make([][]byte, len(all))
		for i, v := range all {
			body, err := json.Marshal(v)
			if err != nil {
				yield(nil, &autodefend.Error{Code: autodefend.CodeInternal, Message: "write a list as JSON", Err: err})
				return
			}
			bodies[i] = body
		}
		yield(bodies, nil)
	}
}

// cells are an object's members as texts.
func cells(body []byte, columns []string) ([]string, error) {
	members, err := membersOf(body)
	if err != nil {
		return nil, err
	}
	row := make([]string, len(columns))
	for i, name := range columns {
		row[i] = cell(members[name])
	}
	return row, nil
}

// cell is a JSON value as text. Lists of texts are joined; objects stay JSON.
func cell(value json.RawMessage) string {
	if len(value) == 0 || string(value) == "null" {
		return ""
	}
	switch value[0] {
	case '"':
		var text string
		_ = json.Unmarshal(value, &text) // it is a string
		return defused(text)
	case '[':
		var texts []string
		if json.Unmarshal(value, &texts) == nil {
			return defused(strings.Join(texts, ", "))
		}
	}
	return string(value)
}

// defused is a text that no spreadsheet takes for a formula.
func defused(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// listPage is how much of a list is read at once.
const listPage = 1000

// allPages reads a list page by page.
func allPages[V any](read func(page api.Page) ([]V, int, error)) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		for page := (api.Page{Limit: listPage}); ; page.Offset += page.Limit {
			all, _, err := read(page)
			if err != nil {
				yield(nil, err)
				return
			}
			for bodies, err := range piece(all) {
				if !yield(bodies, err) || err != nil {
					return
				}
			}
			if len(all) < page.Limit {
				return
			}
		}
	}
}
