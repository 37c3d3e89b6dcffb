package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
)

func newConfigCommand(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Long:        configHelp(),
		Example:     "  autodefend config > autodefend.yaml",
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE: func(*cobra.Command, []string) error {
			return a.cfg.show(a.stdout, format)
		},
	}
	addFlags(cmd.Flags())
	formatFlag(cmd, &format, "yaml", "json")
	return cmd
}

// configHelp describes all options, from the table.
func configHelp() string {
	var b strings.Builder
	b.WriteString(`Prints the configuration in force, and where each value came from. Secrets are hidden.
What is printed as YAML is a configuration file.

A flag goes before an environment variable, that before the file (--config, else
AUTODEFEND_CONFIG, else ./` + defaultConfigFile + `), that before the recipe's and the
program's defaults. Lists are separated by commas, in the file also YAML lists.

Options, by their key in the file:
`)
	for _, o := range options(newConfig()) {
		names := o.env
		if o.flag != "" {
			names = "--" + o.flag + ", " + names
		}
		fmt.Fprintf(&b, "  %s (%s)\n      %s\n", o.key, names, o.help)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// shownOption is one option in the JSON form.
type shownOption struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

// show prints the configuration in force.
func (c *config) show(w io.Writer, format string) error {
	switch format {
	case "yaml":
		return c.showYAML(w)
	case "json":
		document := struct {
			Version int               `json:"version"`
			Options []shownOption     `json:"options"`
			Recipe  autodefend.Recipe `json:"recipe"`
		}{Version: 1, Recipe: c.Recipe}
		for _, o := range options(c) {
			document.Options = append(document.Options, shownOption{o.key, o.value.show(), c.origin(o.key)})
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(document)
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "option -o/--output: this command doesn't print %q", format).WithHint("use yaml or json")
}

// origin tells where the value of an option came from.
func (c *config) origin(key string) string {
	switch {
	case c.origins[key] != "":
		return c.origins[key]
	case strings.HasPrefix(key, "limits."):
		return "recipe " + c.Recipe.Name
	}
	return "default"
}

func (c *config) showYAML(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, o := range options(c) {
		value := &yaml.Node{}
		if err := value.Encode(o.value.show()); err != nil {
			return err
		}
		onOneLine(value)
		value.LineComment = c.origin(o.key)
		into, key := root, o.key
		if group, rest, ok := strings.Cut(o.key, "."); ok {
			into, key = below(root, group), rest
		}
		into.Content = append(into.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(root), enc.Close())
}

// below returns the mapping of a group, which it adds when it isn't there.
func below(root *yaml.Node, group string) *yaml.Node {
	if i := slices.IndexFunc(root.Content, func(n *yaml.Node) bool { return n.Value == group }); i >= 0 {
		return root.Content[i+1]
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: group}, n)
	return n
}

func onOneLine(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		n.Style = yaml.FlowStyle
	}
	for _, child := range n.Content {
		onOneLine(child)
	}
}

// cleanEnviron is the environment without what AWS's tools and this program
// read, for a child that gets all of that anew.
func cleanEnviron() []string {
	ours := map[string]bool{}
	for _, o := range options(newConfig()) {
		ours[o.env] = true
	}
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return ours[name] || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "AUTODEFEND_")
	})
}
