package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// resolveRecipe finds the recipe and puts the configured limits and layer into
// it.
func (c *config) resolveRecipe() error {
	recipe, err := c.readRecipe()
	if err != nil {
		return err
	}
	for limit, override := range map[*int]*int{
		&recipe.Limits.MaxLayers:             c.limits.maxLayers,
		&recipe.Limits.MinMemoryMB:           c.limits.minMemoryMB,
		&recipe.Limits.TimeoutBufferSec:      c.limits.timeoutBufferSec,
		&recipe.Limits.ZippedSizeThresholdMB: c.limits.zippedSizeThresholdMB,
		&recipe.Limits.UtilizationPercent:    c.limits.utilizationPercent,
	} {
		if override != nil {
			*limit = *override
		}
	}
	if c.LayerARN != "" {
		if err := c.fixLayer(&recipe); err != nil {
			return err
		}
	}
	if err := recipe.Validate(); err != nil {
		return c.mistake("recipe", "%s", err).WithHint("%s", autodefend.ErrorHint(err))
	}
	c.Recipe = recipe
	return nil
}

// readRecipe reads a built-in recipe by its name, or a file by its path.
func (c *config) readRecipe() (autodefend.Recipe, error) {
	if !isPath(c.recipeRef) {
		recipe, err := plan.BuiltinRecipe(c.recipeRef)
		if err != nil {
			return recipe, c.mistake("recipe", "%s", err).WithHint("%s", autodefend.ErrorHint(err))
		}
		return recipe, nil
	}
	b, err := os.ReadFile(c.recipeRef)
	if err != nil {
		return autodefend.Recipe{}, c.mistake("recipe", "the file %q can't be read: %s", c.recipeRef, whyNot(err)).
			WithHint("name one of %s, or the path of a YAML file", strings.Join(plan.BuiltinRecipes(), ", "))
	}
	recipe, err := plan.ParseRecipe(b)
	if err != nil {
		return recipe, c.mistake("recipe", "the file %q: %s", c.recipeRef, err).WithHint("%s", autodefend.ErrorHint(err))
	}
	return recipe, nil
}

// isPath tells a file's path from a recipe's name.
func isPath(s string) bool {
	return strings.ContainsAny(s, `/\.`)
}

// fixLayer makes the recipe attach the configured layer version. A recipe for
// one architecture takes the layer's name along; in a recipe for both the name
// has to be one that the recipe knows.
func (c *config) fixLayer(recipe *autodefend.Recipe) error {
	fixed := autodefend.RecipeLayerVersion{ARN: c.LayerARN}
	name := autodefend.LayerName(strings.NewReplacer("{partition}", "aws", "{region}", "us-east-1",
		"{account}", "123456789012", "{architecture}", autodefend.ArchX86).Replace(c.LayerARN))
	if name == "" {
		return c.mistake("layer_arn", "%q isn't the ARN of a layer version", c.LayerARN).
			WithHint("a layer version ARN looks like arn:aws:lambda:eu-west-1:123456789012:layer:NAME:7; {partition}, {region} and {account} may stand in it")
	}
	names := maps.Clone(recipe.Layer.Names)
	known := slices.Contains(slices.Collect(maps.Values(names)), name)
	for arch := range names {
		if known && names[arch] == name || !known && len(names) == 1 {
			names[arch], fixed.Architecture = name, arch
		}
	}
	if fixed.Architecture == "" {
		return c.mistake("layer_arn", "recipe %q attaches no layer named %s", recipe.Name, name).
			WithHint("name the layer in a recipe of your own; docs/recipes.md tells how")
	}
	recipe.Layer.Names = names
	recipe.Layer.Versions = []autodefend.RecipeLayerVersion{fixed}
	return nil
}

// resolveRuntimes reads the runtimes file, or the one built in.
func (c *config) resolveRuntimes() error {
	if c.runtimesFile == "" {
		catalog, err := plan.DefaultCatalog()
		c.Runtimes = catalog
		return err
	}
	b, err := os.ReadFile(c.runtimesFile)
	if err != nil {
		return c.mistake("runtimes_file", "the file %q can't be read: %s", c.runtimesFile, whyNot(err))
	}
	catalog, err := plan.ParseCatalog(b)
	if err != nil {
		return c.mistake("runtimes_file", "the file %q: %s", c.runtimesFile, err)
	}
	c.Runtimes = catalog
	return nil
}
