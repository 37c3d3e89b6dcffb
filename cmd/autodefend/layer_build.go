package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/layer"
)

// layerBuild is the command layer build with its flags.
type layerBuild struct {
	*app
	format   string
	arches   []string
	out      string
	programs string
}

func newLayerBuild(a *app) *cobra.Command {
	c := &layerBuild{app: a}
	cmd := &cobra.Command{
		Long: `Builds the zip of the Defender's layer. The same program gives the same bytes on every
machine, so that anybody can check what is published.`,
		Example: "  autodefend layer build --arch arm64 --out dist",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return c.run() },
	}
	archFlag(cmd, &c.arches)
	programsFlag(cmd, &c.programs)
	cmd.Flags().StringVar(&c.out, "out", "dist", "`DIR` for the files")
	formatFlag(cmd, &c.format, "table", "json", "yaml")
	return cmd
}

// builtLayer is one file that was built.
type builtLayer struct {
	File         string `json:"file" yaml:"file"`
	Architecture string `json:"architecture" yaml:"architecture"`
	CodeSize     int64  `json:"code_size" yaml:"code_size"`
	Unzipped     int64  `json:"unzipped" yaml:"unzipped"`
	SHA256       string `json:"sha256" yaml:"sha256"`
}

func (c *layerBuild) run() error {
	arches, err := chosenArches(c.arches)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil { //nolint:gosec // layers are no secrets
		return autodefend.Errorf(autodefend.CodeInvalid, "option --out: the directory %q can't be made: %s", c.out, whyNot(err))
	}
	var built []builtLayer
	for _, arch := range arches {
		spec, err := c.parts(c.programs, arch)
		if err != nil {
			return err
		}
		path := filepath.Join(c.out, "autodefend-defender-"+string(arch)+".zip")
		info, err := layer.BuildFile(path, spec)
		if err != nil {
			return err
		}
		built = append(built, builtLayer{path, string(arch), info.Zipped, info.Unzipped, info.SHA256})
	}
	document := struct {
		Version int          `json:"version" yaml:"version"`
		Layers  []builtLayer `json:"layers" yaml:"layers"`
	}{1, built}
	return writeData(c.stdout, c.format, document, func(w io.Writer) error {
		for _, b := range built {
			if _, err := fmt.Fprintf(w, "%s  %d bytes, %d unzipped, sha256 %s\n", b.File, b.CodeSize, b.Unzipped, b.SHA256); err != nil {
				return err
			}
		}
		return nil
	})
}
