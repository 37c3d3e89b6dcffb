package plan

import (
	"bytes"
	_ "embed" // the data files

	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
)

//go:embed data/runtimes.yaml
var runtimesYAML []byte

// Catalog holds the known runtimes by name.
type Catalog map[string]autodefend.Runtime

// DefaultCatalog returns the runtimes that the program was built with.
func DefaultCatalog() (Catalog, error) { return ParseCatalog(runtimesYAML) }

// ParseCatalog reads a runtimes file. Unknown fields and repeated names are
// errors.
func ParseCatalog(b []byte) (Catalog, error) {
	var file struct {
		Runtimes []autodefend.Runtime `yaml:"runtimes"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		return nil, &autodefend.Error{Code: autodefend.CodeInvalid, Message: "runtimes file", Err: err}
	}
	c := Catalog{}
	for _, r := range file.Runtimes {
		if _, dup := c[r.Name]; dup || r.Name == "" || r.Family == "" {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "runtimes file: runtime %q is repeated or has no name or family", r.Name)
		}
		c[r.Name] = r
	}
	return c, nil
}
