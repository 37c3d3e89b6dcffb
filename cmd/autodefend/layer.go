package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/layer"
)

func newLayer(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, c := range []command{
		{"build", "", "Build the layer's zip for each architecture", newLayerBuild},
		{"publish", "", "Publish the layer in every region of the scope, unless it's there", newLayerPublish},
		{"list", "", "List the published versions and how many functions hold each", newLayerList},
		{"prune", "", "Delete old versions that no function holds", newLayerPrune},
	} {
		sub := c.build(a)
		sub.Use, sub.Short = c.use, c.synopsis
		cmd.AddCommand(sub)
	}
	return cmd
}

// layerPublish is the command layer publish with its flags.
type layerPublish struct {
	*app
	format   string
	arches   []string
	zip      string
	programs string
}

func newLayerPublish(a *app) *cobra.Command {
	c := &layerPublish{app: a}
	cmd := &cobra.Command{
		Long: `Builds the Defender's layer and publishes it in every account and region of the scope.
Where the newest version has the same content, nothing is published. With --zip it
publishes a file, under the name that the recipe gives to its layer.`,
		Example:     "  autodefend layer publish --region all",
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE:        func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	addFlags(cmd.Flags(), reachers()...)
	addFlags(cmd.Flags(), "recipe", "dry_run")
	archFlag(cmd, &c.arches)
	programsFlag(cmd, &c.programs)
	cmd.Flags().StringVar(&c.zip, "zip", "", "publish this `FILE`")
	formatFlag(cmd, &c.format, "table", "json", "yaml")
	return cmd
}

func (c *layerPublish) run(ctx context.Context) error {
	layers, err := c.layers()
	if err != nil {
		return err
	}
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.cfg.DryRun {
		for _, l := range layers {
			c.say("autodefend: dry run (%s): would publish %s, %d bytes, in %s", c.cfg.origins["dry_run"], l.Name, len(l.Zip), s)
		}
		return nil
	}
	results, problems := c.fleet(s, mode{}).PublishLayers(ctx, layers)
	return c.showLayers(c.format, results, append(problems, s.errors...))
}

// layers returns the layers to publish, built or read.
func (c *layerPublish) layers() ([]autodefend.Layer, error) {
	arches, err := chosenArches(c.arches)
	if err != nil {
		return nil, err
	}
	names := c.cfg.Recipe.Layer.Names
	arches = slices.DeleteFunc(arches, func(a layer.Arch) bool { return names[string(a)] == "" })
	if c.zip != "" && len(arches) != 1 {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --zip: one file is for one architecture").WithHint("name it with --arch x86_64 or --arch arm64")
	}
	if c.zip == "" && !c.cfg.Recipe.Layer.Owned {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "recipe %q attaches a layer that isn't ours to build", c.cfg.Recipe.Name).WithHint("give the vendor's file with --zip")
	}
	var layers []autodefend.Layer
	for _, arch := range arches {
		content, err := c.content(arch)
		if err != nil {
			return nil, err
		}
		layers = append(layers, autodefend.Layer{
			Name: names[string(arch)], Architecture: string(arch), Zip: content,
			Description: "Defender for " + string(arch) + ", published by autodefend " + version(),
		})
	}
	return layers, nil
}

// content returns the zip: the given file, or a new one.
func (c *layerPublish) content(arch layer.Arch) ([]byte, error) {
	if c.zip == "" {
		spec, err := c.parts(c.programs, arch)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		_, err = layer.Build(&b, spec)
		return b.Bytes(), err
	}
	b, err := os.ReadFile(c.zip)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --zip: the file %q can't be read: %s", c.zip, whyNot(err))
	}
	if _, err := layer.UnzippedSize(bytes.NewReader(b), int64(len(b))); err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --zip: %q: %s", c.zip, err)
	}
	return b, nil
}

// parts finds what goes into a layer, and says so when the shim is missing.
func (a *app) parts(dir string, arch layer.Arch) (layer.Spec, error) {
	spec, err := layer.Locate(dir, arch)
	if err != nil {
		return layer.Spec{}, notBuilt(err)
	}
	if spec.Shim == "" {
		a.say("autodefend: the layer for %s is built without the shim, so its Defender has no tier preload: install a C compiler for it and run make build again", arch)
	}
	return spec, nil
}

// notBuilt explains where the layer's programs come from.
func notBuilt(err error) error {
	return &autodefend.Error{
		Code: autodefend.CodeNotFound, Message: err.Error(),
		Hint: "make build puts the layer's programs beside autodefend; --programs names another directory",
	}
}

func newLayerList(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			results, problems := a.fleet(s, mode{}).Layers(cmd.Context())
			return a.showLayers(format, results, append(problems, s.errors...))
		},
	}
	addFlags(cmd.Flags(), reachers()...)
	addFlags(cmd.Flags(), "recipe")
	formatFlag(cmd, &format, "table", "json", "yaml")
	return cmd
}

// layerPrune is the command layer prune with its flags.
type layerPrune struct {
	*app
	format string
	keep   int
	yes    bool
}

func newLayerPrune(a *app) *cobra.Command {
	c := &layerPrune{app: a}
	cmd := &cobra.Command{
		Long: `Deletes old versions of the Defender's layer. A version that a function or a published
version of one holds is never deleted, and nothing is when they can't all be listed.`,
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE:        func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	addFlags(cmd.Flags(), reachers()...)
	addFlags(cmd.Flags(), "recipe", "dry_run")
	cmd.Flags().IntVar(&c.keep, "keep", 3, "keep the newest `N` versions of each architecture in any case")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "don't ask")
	formatFlag(cmd, &c.format, "table", "json", "yaml")
	return cmd
}

func (c *layerPrune) run(ctx context.Context) error {
	if c.keep < 1 {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --keep: %d isn't at least 1: without a version nothing can be protected", c.keep)
	}
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	f := c.fleet(s, mode{})
	results, problems := f.PruneLayers(ctx, c.keep, true)
	doomed := 0
	for _, r := range results {
		if r.Action == "would-delete" {
			doomed++
		}
	}
	if doomed > 0 && !c.cfg.DryRun {
		if err := c.confirm(ctx, c.yes, "delete "+count(doomed, "layer version")); err != nil {
			return err
		}
		results, problems = f.PruneLayers(ctx, c.keep, false)
	}
	return c.showLayers(c.format, results, append(problems, s.errors...))
}

// chosenArches reads --arch; none means all.
func chosenArches(names []string) ([]layer.Arch, error) {
	if len(names) == 0 {
		return layer.Arches(), nil
	}
	var arches []layer.Arch
	for _, name := range names {
		if !slices.Contains(layer.Arches(), layer.Arch(name)) {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --arch: %q isn't an architecture of Lambda", name).
				WithHint("name %s or %s", layer.X8664, layer.ARM64)
		}
		arches = append(arches, layer.Arch(name))
	}
	return arches, nil
}

func archFlag(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringSliceVar(to, "arch", nil, fmt.Sprintf("`ARCH`itecture: %s, %s (default: both)", layer.X8664, layer.ARM64))
}

func programsFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "programs", "", "`DIR` with the layer's programs (default: where autodefend is)")
}

// failed reports whether one of the results is a failure.
func failed(results []fleet.LayerResult) bool {
	return slices.ContainsFunc(results, func(r fleet.LayerResult) bool { return r.Action == "failed" })
}
