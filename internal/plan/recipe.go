package plan

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
)

//go:embed recipes/*.yaml
var recipeFiles embed.FS

// DefaultRecipe is the recipe used when none is named.
const DefaultRecipe = "autodefend"

// BuiltinRecipes returns the names of the recipes in the program.
func BuiltinRecipes() []string { return []string{DefaultRecipe, "prisma-wrapper", "prisma-handler"} }

// BuiltinRecipe returns the recipe of that name.
func BuiltinRecipe(name string) (autodefend.Recipe, error) {
	b, err := recipeFiles.ReadFile("recipes/" + name + ".yaml")
	if err != nil {
		return autodefend.Recipe{}, autodefend.Errorf(autodefend.CodeNotFound, "recipe %q doesn't exist", name).
			WithHint("name one of %s, or the path of a YAML file", strings.Join(BuiltinRecipes(), ", "))
	}
	return ParseRecipe(b)
}

// maxRecipeBytes bounds a recipe file.
const maxRecipeBytes = 1 << 20

// ParseRecipe reads and validates a recipe in YAML. Unknown fields are errors.
func ParseRecipe(b []byte) (autodefend.Recipe, error) {
	var r autodefend.Recipe
	if len(b) > maxRecipeBytes {
		return r, autodefend.Errorf(autodefend.CodeInvalid, "recipe: the file has %d bytes, the limit is %d", len(b), maxRecipeBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&r); err != nil {
		return autodefend.Recipe{}, &autodefend.Error{
			Code: autodefend.CodeInvalid, Message: "recipe", Hint: "docs/recipes.md describes every field", Err: yamlError(err),
		}
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return autodefend.Recipe{}, autodefend.Errorf(autodefend.CodeInvalid, "recipe: the file holds more than one document")
	}
	if err := r.Validate(); err != nil {
		return autodefend.Recipe{}, err
	}
	return r, nil
}

// yamlError says in words what an empty file is.
func yamlError(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	}
	return err
}

// Digest returns the SHA-256 of all that a plan's changes depend on besides the
// functions. The recipe's environment values count, but can't be read off it.
// So does policy, the digest of what is embedded; it's "" for nothing.
func Digest(r autodefend.Recipe, tag autodefend.Tag, policy string) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, part := range []any{r, map[string]string(r.Environment), tag, policy} {
		if err := enc.Encode(part); err != nil { // none of them holds anything that can't be marshalled
			return ""
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// MaxPlanBytes bounds a plan file.
const MaxPlanBytes = 512 << 20

// ReadPlan reads a plan file strictly. Whether it's edited or stale is for
// [autodefend.Plan.Verify] to say.
func ReadPlan(r io.Reader) (*autodefend.Plan, error) { return readPlan(r, MaxPlanBytes) }

func readPlan(r io.Reader, most int64) (*autodefend.Plan, error) {
	const hint = "make one with: autodefend plan --out plan.json"
	limited := &io.LimitedReader{R: r, N: most + 1}
	dec := json.NewDecoder(limited)
	dec.DisallowUnknownFields()
	var p autodefend.Plan
	err := dec.Decode(&p)
	if err == nil {
		if _, extra := dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("there is more behind the plan")
		}
	}
	if limited.N <= 0 {
		err = fmt.Errorf("the file is larger than %d bytes", most)
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return nil, &autodefend.Error{Code: autodefend.CodeInvalid, Message: "plan file", Hint: hint, Err: err}
	}
	for i, v := range p.Functions {
		if v.Name == "" || v.ARN.Account != v.Account || v.ARN.Region != v.Region || v.ARN.Name != v.Name {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "plan file: functions[%d]: name, account and region don't match its arn", i).WithHint(hint)
		}
	}
	return &p, nil
}
