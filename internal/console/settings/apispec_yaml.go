package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxYAML bounds an OpenAPI description in YAML, in bytes: read, it takes far more room than JSON.
	maxYAML = 2 << 20
	// maxYAMLNodes bounds its values after each alias was put in, and before that the marks which values stand between.
	maxYAMLNodes = 200_000
)

// isYAML tells YAML from JSON: an OpenAPI description in JSON is an object.
func isYAML(raw []byte) bool { return len(raw) > 0 && !strings.ContainsRune(`{["`, rune(raw[0])) }

// yamlToJSON reads one document of YAML as JSON: keys become strings, as those of OpenAPI are that look like numbers, and
// so do values that JSON has no type for. Aliases are put in, as often as there is room for.
func yamlToJSON(raw []byte) ([]byte, error) {
	if len(raw) > maxYAML {
		return nil, invalid("", "make JSON of it first, for example with: yq -o json", "%d bytes are too many in YAML, there may be %d", len(raw), maxYAML)
	}
	if marks(raw) > maxYAMLNodes { // the parser takes its time and room before anything can be counted
		return nil, tooManyInYAML(1)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, invalid("", "send an OpenAPI description in JSON or YAML", "it is neither JSON nor YAML: %s", clip(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, invalid("", "send one", "there is something after the first document of YAML")
	}
	t := yamlTree{left: maxYAMLNodes}
	v, err := t.value(&doc, 0)
	if err != nil {
		return nil, err
	}
	return marshal(v), nil
}

// marks counts what stands before or between values: there are no more values than that and one, or texts that hold them.
func marks(raw []byte) int {
	n := 0
	for i, c := range raw {
		switch c {
		case '\n', ':', ',', '[', '{':
			n++
		case ' ', '\t':
			if i > 0 && (raw[i-1] == '-' || raw[i-1] == '?') {
				n++
			}
		}
	}
	return n
}

func tooManyInYAML(line int) error {
	return invalid("", "make JSON of it first, for example with: yq -o json", "line %d: more than %d values are too many in YAML", line, maxYAMLNodes)
}

// yamlTree makes values of nodes.
type yamlTree struct {
	// left is how many nodes may still come.
	left int
}

func (t *yamlTree) value(n *yaml.Node, depth int) (any, error) {
	if t.left--; t.left < 0 {
		return nil, tooManyInYAML(n.Line)
	}
	if depth > maxDepth {
		return nil, invalid("", "", "line %d: values are within each other more than %d deep", n.Line, maxDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return t.value(n.Content[0], depth)
	case yaml.AliasNode:
		return t.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, e := range n.Content {
			var err error
			if list[i], err = t.value(e, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		return t.mapping(n, depth)
	default:
		return scalar(n), nil
	}
}

// mapping makes an object. What is merged into it doesn't replace what it says itself.
func (t *yamlTree) mapping(n *yaml.Node, depth int) (any, error) {
	object := make(map[string]any, len(n.Content)/2)
	var merged []any
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return nil, invalid("", "", "line %d: a key isn't a text", key.Line)
		}
		v, err := t.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if key.Tag == "!!merge" {
			merged = append(merged, v)
			continue
		}
		if _, twice := object[key.Value]; twice {
			return nil, invalid("", "", "line %d: the key %q is twice there", key.Line, clip(key.Value))
		}
		object[key.Value] = v
	}
	for _, v := range merged {
		merge(object, v)
	}
	return object, nil
}

// merge adds what an object, or a list of them, has and another one hasn't.
func merge(into map[string]any, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if _, has := into[name]; !has {
				into[name] = value
			}
		}
	case []any:
		for _, e := range v {
			if object, ok := e.(map[string]any); ok {
				merge(into, object)
			}
		}
	}
}

// scalar makes a value of JSON; what JSON doesn't have, such as a day, is the text that was written.
func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		var i int64
		if n.Decode(&i) == nil {
			return i
		}
	}
	return n.Value
}
