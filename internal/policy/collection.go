package policy

// Collection is Prisma's collection.Collection: a named set of resources. A field that isn't there means everything.
type Collection struct {
	kept

	Name       string
	Functions  []string
	Labels     []string // "region:NAME" or "KEY:VALUE" of a tag
	AccountIDs []string // looked at for Azure only

	// Fields of containers and hosts: a collection that limits one of them holds no function.
	AppIDs, Clusters, Containers, Hosts, Images, Namespaces []string
}

// allCollection is the name of the built-in collection that holds everything.
const allCollection = "All"

// AllFunctions returns the collection that holds everything.
func AllFunctions() Collection {
	return Collection{Name: allCollection, Functions: []string{"*"}}
}

func (c *Collection) walk(f *fields) {
	f.text("name", &c.Name)
	f.texts("functions", &c.Functions)
	f.texts("labels", &c.Labels)
	f.texts("accountIDs", &c.AccountIDs)
	for _, foreign := range c.foreign() {
		f.texts(foreign.name, foreign.values)
	}
}

// foreignField is a field of a collection that has no meaning for functions.
type foreignField struct {
	name   string
	values *[]string
}

func (c *Collection) foreign() []foreignField {
	return []foreignField{
		{"appIDs", &c.AppIDs},
		{"clusters", &c.Clusters},
		{"containers", &c.Containers},
		{"hosts", &c.Hosts},
		{"images", &c.Images},
		{"namespaces", &c.Namespaces},
	}
}

// undefined tells that the collection is only named: what it holds is known to the Console alone.
func (c *Collection) undefined() bool {
	if c.Name == allCollection || len(c.Functions)+len(c.Labels)+len(c.AccountIDs) > 0 {
		return false
	}
	for _, foreign := range c.foreign() {
		if len(*foreign.values) > 0 {
			return false
		}
	}
	return true
}
