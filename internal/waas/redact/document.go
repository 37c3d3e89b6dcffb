package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// maxDepth bounds how deep documents within documents are looked into, and how deep one may be.
const maxDepth = 64

var errTooDeep = errors.New("document too deep")

// Event returns an event without secrets as compact JSON of at most limit bytes. An event that is no JSON is text. Hide
// masks further secrets in a text; it sees every string of the event, decoded.
func Event(data []byte, limit int, hide func(text string) string) string {
	w := writer{limit: limit, hide: hide}
	if err := w.document(data); err != nil && !w.full() {
		return Cut(masked(string(data[:min(len(data), 4*limit)]), hide), limit)
	}
	return Cut(w.out.String(), limit)
}

// wholeDocument masks a JSON document; it's not ok when text is something else.
func wholeDocument(text string, hide func(string) string) (string, bool) {
	w := writer{limit: len(text) * 2, hide: hide}
	if err := w.document([]byte(text)); err != nil {
		return "", false
	}
	return w.out.String(), true
}

// writer copies JSON, token by token, until it's full.
type writer struct {
	out     bytes.Buffer
	limit   int
	hide    func(string) string
	decoder *json.Decoder
}

func (w *writer) full() bool { return w.out.Len() > w.limit }

func (w *writer) document(data []byte) error {
	w.decoder = json.NewDecoder(bytes.NewReader(data))
	w.decoder.UseNumber()
	if err := w.value("", 0); err != nil || w.full() {
		return err
	}
	if _, err := w.decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one document")
	}
	return nil
}

// value copies the value that belongs to a name. Members of objects have names of their own; those of arrays have the
// array's.
func (w *writer) value(name string, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	if w.full() {
		return nil
	}
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		w.out.WriteString(token.String())
		return w.members(token == '{', name, depth)
	case string:
		w.text(w.shown(name, token))
	case json.Number:
		w.scalar(name, token.String())
	case bool, nil:
		w.literal(token)
	}
	return nil
}

// members copies what an object or an array holds, and its end.
func (w *writer) members(object bool, name string, depth int) error {
	for first := true; w.decoder.More() && !w.full(); first = false {
		if !first {
			w.out.WriteByte(',')
		}
		if object {
			token, err := w.decoder.Token()
			if err != nil {
				return err
			}
			key, _ := token.(string) // what stands before a colon is a string
			w.text(credentials(w.hide(key)))
			w.out.WriteByte(':')
			member := key
			if IsSecret(name) {
				member = name // all of it
			}
			if err := w.value(member, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := w.value(name, depth+1); err != nil {
			return err
		}
	}
	if w.full() {
		return nil
	}
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	w.out.WriteString(token.(json.Delim).String()) //nolint:forcetypeassert // More said that the end is next
	return nil
}

// shown is what may be shown of a text in a document.
func (w *writer) shown(name, text string) string {
	if text != "" && IsSecret(name) {
		return Mask
	}
	if masked := masked(text, w.hide); masked != text {
		return masked
	}
	return packed(text, w.hide)
}

func (w *writer) text(text string) {
	encoder := json.NewEncoder(&w.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text)        // a string can be marshalled
	w.out.Truncate(w.out.Len() - 1) // the newline
}

func (w *writer) scalar(name, literal string) {
	if IsSecret(name) {
		w.text(Mask)
		return
	}
	w.out.WriteString(literal)
}

func (w *writer) literal(token json.Token) {
	switch token {
	case true:
		w.out.WriteString("true")
	case false:
		w.out.WriteString("false")
	default:
		w.out.WriteString("null")
	}
}
