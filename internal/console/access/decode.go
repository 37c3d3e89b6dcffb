package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/autodefend/autodefend/internal/console/route"
)

// decode reads a request's body, whatever its media type. Members that nobody knows are passed over, because clients send
// more than one version's.
func decode[T any](c *route.Call) (T, error) {
	var v T
	dec := json.NewDecoder(bytes.NewReader(c.Body))
	if err := dec.Decode(&v); err != nil {
		return v, bodyError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return v, invalid("body: something follows the JSON")
	}
	return v, nil
}

func bodyError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := wrong.Field
		if field == "" {
			field = "body"
		}
		return invalid("%s: is a JSON %s, which doesn't fit", field, strings.SplitN(wrong.Value, " ", 2)[0])
	}
	if errors.Is(err, io.EOF) {
		return invalid("body: is empty").WithHint("send a JSON object")
	}
	return invalid("body: isn't JSON: %v", err)
}
