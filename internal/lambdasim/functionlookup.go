package lambdasim

import (
	"slices"
	"time"
)

// find returns a settled function of a region, or nil.
func (r *region) find(name string, now time.Time) *function {
	f := r.functions[name]
	if f != nil {
		f.settle(now)
	}
	return f
}

// version returns the version that a qualifier means: $LATEST, a number or an
// alias; nil when there is none.
func (f *function) version(qualifier string) *version {
	if qualifier == "" || qualifier == latest {
		return f.latest
	}
	if a := f.aliases[qualifier]; a != nil {
		qualifier = a.target
		if qualifier == latest {
			return f.latest
		}
	}
	for _, v := range f.versions {
		if v.number == qualifier {
			return v
		}
	}
	return nil
}

// lookup returns the version that a call addresses, or AWS's 404.
func (c *call) lookup(t functionTarget) (*version, error) {
	f := c.region.find(t.name, c.now)
	if f == nil {
		return nil, errNotFound("Function not found: %s", t.arn(c.region))
	}
	v := f.version(t.qualifier)
	if v == nil {
		return nil, errNotFound("Function not found: %s", t.arn(c.region))
	}
	return v, nil
}

// unqualified returns the function that a call which takes no qualifier
// addresses.
func (c *call) unqualified() (*function, error) {
	t, err := c.target()
	if err != nil {
		return nil, err
	}
	f := c.region.find(t.name, c.now)
	if f == nil {
		return nil, errNotFound("Function not found: %s", c.region.functionArn(t.name))
	}
	return f, nil
}

// sortedNames returns the functions' names in listing order.
func (r *region) sortedNames() []string {
	if r.names == nil {
		r.names = make([]string, 0, len(r.functions))
		for name := range r.functions {
			r.names = append(r.names, name)
		}
		slices.Sort(r.names)
	}
	return r.names
}

// add puts a new function into a region.
func (r *region) add(f *function) {
	r.functions[f.name] = f
	if at, found := slices.BinarySearch(r.names, f.name); r.names != nil && !found {
		r.names = slices.Insert(r.names, at, f.name)
	}
}

// remove takes a function out of a region.
func (r *region) remove(name string) {
	delete(r.functions, name)
	if at, found := slices.BinarySearch(r.names, name); found {
		r.names = slices.Delete(r.names, at, at+1)
	}
}

// newFunction returns a function without versions or tags.
func newFunction(r *region, name string) *function {
	return &function{
		region: r, name: name,
		aliases: map[string]*alias{}, tags: map[string]string{}, policies: map[string]*policy{},
	}
}
