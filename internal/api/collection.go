package api

import "time"

// AllCollection is the name of the built-in collection that holds everything.
const AllCollection = "All"

// Collection is Prisma's collection.Collection: a named set of resources. A list that isn't there means everything.
type Collection struct {
	AccountIDs  []string  `json:"accountIDs"`
	AppIDs      []string  `json:"appIDs"`
	Clusters    []string  `json:"clusters"`
	CodeRepos   []string  `json:"codeRepos,omitempty"` // older clients send it
	Color       string    `json:"color"`
	Containers  []string  `json:"containers"`
	Description string    `json:"description"`
	Functions   []string  `json:"functions"`
	Hosts       []string  `json:"hosts"`
	Images      []string  `json:"images"`
	Labels      []string  `json:"labels"` // "region:NAME" or "KEY:VALUE" of a tag
	Modified    time.Time `json:"modified"`
	Name        string    `json:"name"`
	Namespaces  []string  `json:"namespaces"`
	Owner       string    `json:"owner"`
	Prisma      bool      `json:"prisma"`
	System      bool      `json:"system"`
}

// Lists returns the collection's lists by their names; setting one sets the collection's.
func (c *Collection) Lists() map[string]*[]string {
	return map[string]*[]string{
		"accountIDs": &c.AccountIDs, "appIDs": &c.AppIDs, "clusters": &c.Clusters, "containers": &c.Containers,
		"functions": &c.Functions, "hosts": &c.Hosts, "images": &c.Images, "labels": &c.Labels, "namespaces": &c.Namespaces,
	}
}

// EveryFunction returns the built-in collection.
func EveryFunction() Collection {
	c := Collection{Name: AllCollection, Color: "#3FA2F7", Description: "Everything. Built in.", Owner: "system", System: true}
	c.Default()
	return c
}

// Default makes lists that are empty mean everything, as Prisma writes it.
func (c *Collection) Default() {
	for _, list := range c.Lists() {
		if len(*list) == 0 {
			*list = []string{"*"}
		}
	}
}

// Scope returns what of the collection says which functions are in it. Regions are those of its labels; nil when no label
// names one.
func (c *Collection) Scope() FunctionScope {
	s := FunctionScope{Accounts: c.AccountIDs, Functions: c.Functions}
	for _, label := range c.Labels {
		if region, ok := cutRegion(label); ok {
			s.Regions = append(s.Regions, region)
		}
	}
	return s
}

// cutRegion takes the region out of a label.
func cutRegion(label string) (string, bool) {
	exclude := ""
	if len(label) > 0 && label[0] == '-' {
		exclude, label = "-", label[1:]
	}
	const prefix = "region:"
	if len(label) < len(prefix) || label[:len(prefix)] != prefix {
		return "", false
	}
	return exclude + label[len(prefix):], true
}

// CollectionUsage is Prisma's collection.Usage. Type is policy, settings, user, group or registryScan.
type CollectionUsage struct {
	Name string `json:"name"`
	Type string `json:"type"`
}
