package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
)

// layerReport is what the layer commands print for programs.
type layerReport struct {
	Version int                     `json:"version" yaml:"version"`
	Layers  []fleet.LayerResult     `json:"layers" yaml:"layers"`
	Errors  []autodefend.ScopeError `json:"errors" yaml:"errors"`
}

// showLayers prints results of a layer command and what went wrong.
func (a *app) showLayers(format string, results []fleet.LayerResult, problems []autodefend.ScopeError) error {
	if len(results) == 0 && len(problems) > 0 {
		return (&scope{errors: problems}).failure()
	}
	doc := layerReport{Version: 1, Layers: append([]fleet.LayerResult{}, results...), Errors: append([]autodefend.ScopeError{}, problems...)}
	if err := writeData(a.stdout, format, doc, doc.table); err != nil {
		return err
	}
	a.complain("", problems)
	if len(problems) > 0 || failed(results) {
		return exitPartly
	}
	return nil
}

func (d layerReport) table(w io.Writer) error {
	if len(d.Layers) == 0 {
		_, err := fmt.Fprintln(w, "No version of the layer is published. Next: autodefend layer publish")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACTION\tACCOUNT\tREGION\tARCHITECTURE\tFUNCTIONS\tSIZE\tLAYER VERSION")
	for _, l := range d.Layers {
		size := "-"
		if l.CodeSize > 0 {
			size = fmt.Sprintf("%.1f MB", float64(l.CodeSize)/(1<<20))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", l.Action, l.Account, l.Region, l.Architecture, l.References, size, l.ARN)
		if l.Message != "" {
			fmt.Fprintf(t, "  %s\n", printable(l.Message))
		}
	}
	return t.Flush()
}

// writeData prints a document as json or yaml, or calls table.
func writeData(w io.Writer, format string, document any, table func(io.Writer) error) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(document)
	case "yaml":
		enc := yaml.NewEncoder(w)
		enc.SetIndent(2)
		return errors.Join(enc.Encode(document), enc.Close())
	case "table":
		return table(w)
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "option -o/--output: this command doesn't print %q", format).
		WithHint("use table, json or yaml")
}
