package store

func (sqlite) now() string { return "CAST(unixepoch('subsec') * 1000 AS INTEGER)" }

// skipLocked is empty: there is one writer.
func (sqlite) skipLocked() string { return "" }

func (sqlite) noLimit() string { return " LIMIT -1" }

func (sqlite) sizeSQL() string {
	return "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
}

func (sqlite) hasBytes(column string) string { return "instr(" + column + ", ?) > 0" }
