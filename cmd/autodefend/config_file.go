package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
)

// maxConfigBytes bounds the configuration file.
const maxConfigBytes = 1 << 20

// readConfigFile returns the texts the file gives for options, by key, and all
// mistakes in it. No file is no mistake.
func readConfigFile(path string, table []option, c *config) (map[string]raw, []error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, []error{autodefend.Errorf(autodefend.CodeInvalid, "configuration file %q: %s", path, whyNot(err))}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	_ = f.Close() // it was only read
	if err != nil {
		return nil, []error{autodefend.Errorf(autodefend.CodeInvalid, "configuration file %q: %s", path, whyNot(err))}
	}
	return parseConfigFile(filepath.Base(path), b, table, c)
}

// parseConfigFile reads the bytes of a configuration file.
func parseConfigFile(name string, b []byte, table []option, c *config) (map[string]raw, []error) {
	r := fileReader{name: name, config: c, options: map[string]option{}, found: map[string]raw{}}
	for _, o := range table {
		r.options[o.key] = o
	}
	root, err := parseYAML(b)
	if err != nil {
		return nil, []error{autodefend.Errorf(autodefend.CodeInvalid, "configuration file %s: %s", name, err)}
	}
	if root != nil {
		r.mapping("", root)
	}
	return r.found, r.mistakes
}

// parseYAML returns the file's one document, nil when it's empty.
func parseYAML(b []byte) (*yaml.Node, error) {
	if len(b) > maxConfigBytes {
		return nil, fmt.Errorf("it has more than %d bytes", maxConfigBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one document")
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// fileReader walks a file's nodes.
type fileReader struct {
	name     string
	options  map[string]option
	config   *config
	found    map[string]raw
	mistakes []error
}

// at names a place in the file.
func (r *fileReader) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.name, n.Line) }

func (r *fileReader) mistake(n *yaml.Node, format string, args ...any) *autodefend.Error {
	return autodefend.Errorf(autodefend.CodeInvalid, "%s: %s", r.at(n), fmt.Sprintf(format, args...))
}

// mapping reads the options below a prefix such as "limits.".
func (r *fileReader) mapping(prefix string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		r.mistakes = append(r.mistakes, r.mistake(n, "want keys and values%s", within(prefix)))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, node := n.Content[i], n.Content[i+1]
		name := prefix + key.Value
		o, known := r.options[name]
		switch {
		case seen[name]:
			r.mistakes = append(r.mistakes, r.mistake(key, "option %s is given twice", name))
		case node.Kind == yaml.ScalarNode && node.Tag == "!!null" && (known || r.isGroup(name)):
			// A key without a value asks for nothing.
		case known:
			r.option(o, node)
		case r.isGroup(name):
			r.mapping(name+".", node)
		default:
			r.mistakes = append(r.mistakes, r.unknown(key, prefix, name))
		}
		seen[name] = true
	}
}

func within(prefix string) string {
	if prefix == "" {
		return ""
	}
	return " under " + strings.TrimSuffix(prefix, ".")
}

// isGroup reports whether options are below the name.
func (r *fileReader) isGroup(name string) bool {
	for key := range r.options {
		if strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

// option reads the value of one option.
func (r *fileReader) option(o option, n *yaml.Node) {
	var texts []string
	var err error
	switch o.key {
	case "accounts":
		texts, err = r.accounts(n)
	case "tags":
		texts, err = r.tags(n)
	default:
		texts, err = r.texts(o, n)
	}
	if err != nil {
		r.mistakes = append(r.mistakes, err)
		return
	}
	r.found[o.key] = raw{texts, r.at(n)}
}

// texts reads a scalar, or for lists a sequence of them.
func (r *fileReader) texts(o option, n *yaml.Node) ([]string, error) {
	switch {
	case n.Kind == yaml.ScalarNode:
		return []string{n.Value}, nil
	case n.Kind == yaml.SequenceNode && o.value.list:
		return r.scalars(o.key, n.Content)
	case o.value.list:
		return nil, r.mistake(n, "option %s wants a list", o.key)
	}
	return nil, r.mistake(n, "option %s wants a single value", o.key)
}

func (r *fileReader) scalars(key string, nodes []*yaml.Node) ([]string, error) {
	texts := make([]string, 0, len(nodes))
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode {
			return nil, r.mistake(n, "option %s wants plain texts in its list", key)
		}
		texts = append(texts, n.Value)
	}
	return texts, nil
}

// tags reads a list of K=V, or a mapping.
func (r *fileReader) tags(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.MappingNode {
		return r.texts(r.options["tags"], n)
	}
	flat, err := r.scalars("tags", n.Content)
	if err != nil {
		return nil, err
	}
	var texts []string
	for i := 0; i+1 < len(flat); i += 2 {
		texts = append(texts, flat[i]+"="+flat[i+1])
	}
	return texts, nil
}

// accounts reads a list of roles, each a text or a mapping with an external id,
// which is kept in the configuration.
func (r *fileReader) accounts(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, r.mistake(n, "option accounts wants a list of role_arn and external_id")
	}
	var roles []string
	for _, item := range n.Content {
		a, err := r.account(item)
		if err != nil {
			return nil, err
		}
		roles = append(roles, a.RoleARN)
		r.config.externalIDs[a.RoleARN] = a.ExternalID
	}
	return roles, nil
}

func (r *fileReader) account(n *yaml.Node) (account, error) {
	if n.Kind == yaml.ScalarNode {
		return account{RoleARN: n.Value}, nil
	}
	var a account
	if n.Kind != yaml.MappingNode {
		return a, r.mistake(n, "an account wants role_arn and external_id")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, node := n.Content[i], n.Content[i+1]
		if node.Kind != yaml.ScalarNode {
			return a, r.mistake(node, "accounts: %s wants a single value", key.Value)
		}
		switch key.Value {
		case "role_arn":
			a.RoleARN = node.Value
		case "external_id":
			a.ExternalID = node.Value
		default:
			return a, nearest(r.mistake(key, "unknown key %q under accounts", key.Value), key.Value, []string{"role_arn", "external_id"}, "")
		}
	}
	if a.RoleARN == "" {
		return a, r.mistake(n, "an account without role_arn")
	}
	return a, nil
}

// unknown is the mistake of a key that no option has.
func (r *fileReader) unknown(key *yaml.Node, prefix, name string) error {
	var known []string
	for k := range r.options {
		known = append(known, k)
		if group, _, ok := strings.Cut(k, "."); ok && prefix == "" {
			known = append(known, group)
		}
	}
	return nearest(r.mistake(key, "unknown key %q%s", key.Value, within(prefix)), name, known, prefix)
}
