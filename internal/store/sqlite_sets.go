package store

import (
	"encoding/json"
	"strconv"
	"strings"
)

func (sqlite) in(column string) string { return column + " IN (SELECT value FROM json_each(?))" }

func (sqlite) setTable(alias string) string { return "json_each(?) AS " + alias }

func (sqlite) setOf(numbers []int64) any {
	list := make([]byte, 0, 8*len(numbers)+2)
	for _, n := range numbers {
		list = strconv.AppendInt(append(list, ','), n, 10)
	}
	if len(list) == 0 {
		return "[]"
	}
	list[0] = '['
	return string(append(list, ']'))
}

func (d sqlite) textTable(alias string) string { return d.setTable(alias) }

func (sqlite) textsOf(texts []string) any {
	list, _ := json.Marshal(texts) // texts can always be written
	return string(list)
}

func (sqlite) by(table, index string, alias ...string) string {
	return strings.Join(append([]string{table}, alias...), " AS ") + " INDEXED BY " + index
}
