package lambdasim

import "slices"

// deleteFunction answers DeleteFunction for a function or one of its versions.
func deleteFunction(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	switch {
	case t.qualifier == latest:
		return reply{}, errInvalid("$LATEST version cannot be deleted without deleting the function.")
	case t.qualifier != "" && fullMatch(aliasPattern, t.qualifier):
		return reply{}, errInvalid("Deletion of aliases is not currently supported.")
	}
	f := c.region.find(t.name, c.now)
	if f == nil {
		return reply{}, errNotFound("Function not found: %s", c.region.functionArn(t.name))
	}
	if t.qualifier == "" {
		c.region.remove(t.name)
		return noContent(), nil
	}
	for name, a := range f.aliases {
		if _, weighted := a.weights[t.qualifier]; weighted || a.target == t.qualifier {
			return reply{}, errConflict("Version %s is referenced by alias %s", t.qualifier, name)
		}
	}
	// A version that isn't there is deleted as well as one that is.
	f.versions = slices.DeleteFunc(f.versions, func(v *version) bool { return v.number == t.qualifier })
	return noContent(), nil
}
