package api

import (
	"slices"
	"strings"
	"time"
)

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

// Scope returns what of the collection says which functions are in it, as far as that needs no tags: regions are those of its
// labels, nil when they don't limit them.
func (c *Collection) Scope() FunctionScope {
	s := FunctionScope{Accounts: c.AccountIDs, Functions: c.Functions}
	every := false
	for _, label := range c.Labels {
		region, ok := cutRegion(label)
		every = every || label == "*"
		if ok {
			s.Regions = append(s.Regions, region)
		}
	}
	if every {
		s.Regions = slices.DeleteFunc(s.Regions, func(r string) bool { return r[0] != '-' })
		if len(s.Regions) > 0 {
			s.Regions = append(s.Regions, "*")
		}
	}
	return s
}

// HasTags tells whether one of the collection's labels is about a tag: then [Collection.Scope] isn't all of it.
func (c *Collection) HasTags() bool {
	return slices.ContainsFunc(c.Labels, func(label string) bool {
		_, region := cutRegion(label)
		return label != "*" && !region
	})
}

// cutRegion takes the region out of a label; a hyphen before it, which excludes, stays.
func cutRegion(label string) (string, bool) {
	const prefix = "region:"
	rest, excludes := strings.CutPrefix(label, "-")
	if len(rest) <= len(prefix) || !strings.EqualFold(rest[:len(prefix)], prefix) {
		return "", false
	}
	if excludes {
		return "-" + rest[len(prefix):], true
	}
	return rest[len(prefix):], true
}

// CollectionUsage is Prisma's collection.Usage. Type is policy, settings, user, group or registryScan.
type CollectionUsage struct {
	Name string `json:"name"`
	Type string `json:"type"`
}
