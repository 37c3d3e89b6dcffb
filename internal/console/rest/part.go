package rest

import (
	"net/url"
	"reflect"
	"strconv"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/route"
)

// part cuts what offset and limit say out of a list that its handler returned whole, as those of short lists do: clients
// read every list with a Total-Count by pages, and one that came whole each time would give them its elements again and
// again. A limit of 0 is none.
func part(a route.Answer, query url.Values) (route.Answer, error) {
	v := reflect.ValueOf(a.JSON)
	if v.Kind() != reflect.Slice || a.Header["Total-Count"] != strconv.Itoa(v.Len()) {
		return a, nil
	}
	offset, err := count(query, "offset")
	if err != nil {
		return a, err
	}
	limit, err := count(query, "limit")
	if err != nil {
		return a, err
	}
	from, to := min(offset, v.Len()), v.Len()
	if limit > 0 && limit < to-from {
		to = from + limit
	}
	a.JSON = v.Slice(from, to).Interface()
	return a, nil
}

// count reads a parameter that is a number of elements.
func count(query url.Values, name string) (int, error) {
	text := query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, autodefend.Errorf(autodefend.CodeInvalid, "%s: want a whole number from 0, have %.40q", name, text)
	}
	return n, nil
}
