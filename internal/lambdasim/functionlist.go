package lambdasim

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pageSize is the most that one page of any listing holds, whatever MaxItems
// asks for.
const pageSize = 50

// page returns the start of a page and its length from Marker and MaxItems.
func (c *call) page() (string, int, error) {
	limit := pageSize
	if text := c.query.Get("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return "", 0, errValidation("1 validation error detected: Value '" + text + "' at 'maxItems' failed to satisfy constraint: Member must be a number")
		}
		var v violations
		v.between(&n, "maxItems", 1, 10_000)
		if err := v.err(); err != nil {
			return "", 0, err
		}
		limit = min(n, pageSize)
	}
	marker := c.query.Get("Marker")
	if marker == "" {
		return "", limit, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(marker)
	if err != nil || !strings.HasPrefix(string(raw), markerPrefix) {
		return "", 0, errInvalid("Invalid value for Marker")
	}
	return strings.TrimPrefix(string(raw), markerPrefix), limit, nil
}

// markerPrefix keeps callers from guessing markers.
const markerPrefix = "v1\x00"

// marker returns the opaque marker of the page after an item.
func marker(item string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(markerPrefix + item))
}

// listFunctions answers ListFunctions. Its pages are put together from the
// cached JSON of each function.
func listFunctions(_ *World, c *call) (reply, error) {
	all := c.query.Get("FunctionVersion")
	var v violations
	v.oneOf(all, "functionVersion", []string{"ALL"})
	if err := v.err(); err != nil {
		return reply{}, err
	}
	after, limit, err := c.page()
	if err != nil {
		return reply{}, err
	}
	if all == "ALL" || c.query.Get("MasterRegion") != "" {
		return c.listVersionsOfAll(after, limit)
	}
	names := c.region.sortedNames()
	start, found := slices.BinarySearch(names, after)
	if found {
		start++
	}
	end := min(start+limit, len(names))
	items := make([][]byte, 0, limit)
	for _, name := range names[start:end] {
		f := c.region.find(name, c.now)
		items = append(items, f.latest.listing(c.region.functionArn(name)))
	}
	next := ""
	if end < len(names) {
		next = marker(names[end-1])
	}
	return rawList("Functions", items, next), nil
}

// listing returns the cached JSON of a version in an unqualified listing.
func (v *version) listing(arn string) []byte {
	if v.listed == nil {
		text, err := encodeJSON(v.configuration(arn))
		if err != nil {
			return []byte("{}")
		}
		v.listed = text
	}
	return v.listed
}

// rawList puts a page together from rendered items.
func rawList(member string, items [][]byte, next string) reply {
	size := len(member) + 64 + len(next)
	for _, item := range items {
		size += len(item) + 1
	}
	b := make([]byte, 0, size)
	b = append(b, '{', '"')
	b = append(b, member...)
	b = append(b, '"', ':', '[')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item...)
	}
	b = append(b, ']')
	if next != "" {
		b = append(b, `,"NextMarker":"`...)
		b = append(b, next...)
		b = append(b, '"')
	}
	b = append(b, '}')
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: b}
}

// listVersionsOfAll answers FunctionVersion=ALL: every version with its
// qualified ARN. MasterRegion keeps the Lambda@Edge replicas of that region.
func (c *call) listVersionsOfAll(after string, limit int) (reply, error) {
	master := c.query.Get("MasterRegion")
	var items [][]byte
	last, next := "", ""
	for _, name := range c.region.sortedNames() {
		f := c.region.find(name, c.now)
		for i, v := range f.all() {
			key := name + ":" + versionKey(i)
			if key <= after || !v.replicaOf(master) {
				continue
			}
			if len(items) == limit {
				next = marker(last)
				return rawList("Functions", items, next), nil
			}
			text, err := encodeJSON(v.configuration(c.region.functionArn(name) + ":" + v.number))
			if err != nil {
				return reply{}, err
			}
			items, last = append(items, text), key
		}
	}
	return rawList("Functions", items, next), nil
}

// all returns $LATEST and the published versions, ascending.
func (f *function) all() []*version {
	return append([]*version{f.latest}, f.versions...)
}

// versionKey orders the versions of one function in markers.
func versionKey(i int) string {
	digits := strconv.Itoa(i)
	return strings.Repeat("0", 9-min(9, len(digits))) + digits
}

// replicaOf reports whether a version belongs to a listing for a master region:
// "" is every version, "ALL" every Lambda@Edge replica.
func (v *version) replicaOf(master string) bool {
	switch master {
	case "":
		return true
	case "ALL":
		return v.spec.MasterArn != ""
	}
	return strings.Contains(v.spec.MasterArn, ":lambda:"+master+":")
}
