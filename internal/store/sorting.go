package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// sortByID sorts by bytes: what PostgreSQL does depends on its locale.
func sortByID(documents []api.Document) {
	slices.SortFunc(documents, func(a, b api.Document) int { return strings.Compare(a.ID, b.ID) })
}

// sorted returns the keys in an order that all replicas lock rows in.
func sorted(kinds map[api.Kind]bool) []api.Kind {
	return slices.Sorted(maps.Keys(kinds))
}
