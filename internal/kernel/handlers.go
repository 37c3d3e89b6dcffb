package kernel

// handlers gives each trapped call the function that answers it. What bpf.Supervised hands over and isn't here passes; a
// test holds the two against each other.
func handlers() map[string]handler {
	all := make(map[string]handler)
	for _, table := range []map[string]handler{programHandlers(), fileHandlers(), changeHandlers(), attributeHandlers(), networkHandlers(), guardHandlers(), escapeHandlers()} {
		for name, h := range table {
			all[name] = h
		}
	}
	return all
}
