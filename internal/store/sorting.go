package store

import (
	"cmp"
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

// entry is a row of a small table with its id.
type entry[T comparable] struct {
	id  int64
	row T
}

// byID returns the rows in the order of their ids.
func byID[T comparable](rows map[T]int64) []entry[T] {
	all := make([]entry[T], 0, len(rows))
	for row, id := range rows {
		all = append(all, entry[T]{id, row})
	}
	slices.SortFunc(all, func(a, b entry[T]) int { return cmp.Compare(a.id, b.id) })
	return all
}
