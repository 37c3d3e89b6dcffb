package autodefend

import "slices"

// Change is what an apply or a roll-back does to one function, as data. It
// holds no value of a customer's variable.
type Change struct {
	// Revision is the RevisionId the change was computed on.
	Revision    string           `json:"revision" yaml:"revision"`
	Layers      *LayersChange    `json:"layers,omitempty" yaml:"layers,omitempty"`
	Environment []VariableChange `json:"environment,omitempty" yaml:"environment,omitempty"`
	Handler     *HandlerChange   `json:"handler,omitempty" yaml:"handler,omitempty"`
	Tag         *TagChange       `json:"tag,omitempty" yaml:"tag,omitempty"`
}

// LayersChange is the complete list of layer ARNs before and after.
type LayersChange struct {
	Before []string `json:"before" yaml:"before"`
	After  []string `json:"after" yaml:"after"`
}

// VariableAction says what happens to one variable.
type VariableAction string

// The actions on variables. All of a change's actions read the variables as
// they were before it.
const (
	// SetVariable gives the variable a value of ours.
	SetVariable VariableAction = "set"
	// CopyVariable gives the variable the value that From had.
	CopyVariable VariableAction = "copy"
	// RemoveVariable removes the variable.
	RemoveVariable VariableAction = "remove"
)

// VariableChange is what happens to one environment variable.
type VariableChange struct {
	Name   string         `json:"name" yaml:"name"`
	Action VariableAction `json:"action" yaml:"action"`
	// Value is the new value when it's ours and no secret. "{run}" in the
	// marker's stands for the run's id.
	Value string `json:"value,omitempty" yaml:"value,omitempty"`
	// From is the variable whose value is copied, or "recipe" when the value
	// is the recipe's.
	From string `json:"from,omitempty" yaml:"from,omitempty"`
}

// HandlerChange is the handler before and after.
type HandlerChange struct {
	Before string `json:"before" yaml:"before"`
	After  string `json:"after" yaml:"after"`
}

// TagChange says what happens to the tag that marks protected functions, and
// to [OwnershipTag], which comes and goes with it. Its key is OwnershipTag when
// only that one is left to remove.
type TagChange struct {
	Tag    `yaml:",inline"`
	Remove bool `json:"remove,omitempty" yaml:"remove,omitempty"`
}

// Configures reports whether the change needs an UpdateFunctionConfiguration
// call; a change of tags alone doesn't.
func (c *Change) Configures() bool {
	return c != nil && (c.Layers != nil || len(c.Environment) > 0 || c.Handler != nil)
}

// Same reports whether two changes do the same, whatever revision they are
// bound to.
func (c *Change) Same(d *Change) bool {
	if c == nil || d == nil {
		return c == d
	}
	return samePtr(c.Tag, d.Tag) && samePtr(c.Handler, d.Handler) &&
		slices.Equal(c.Environment, d.Environment) && c.Layers.same(d.Layers)
}

func (c *LayersChange) same(d *LayersChange) bool {
	if c == nil || d == nil {
		return c == d
	}
	return slices.Equal(c.Before, d.Before) && slices.Equal(c.After, d.After)
}

func samePtr[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
