package main

// plainTerminal reports whether the environment asks for output without
// colours.
func plainTerminal(getenv func(string) string) bool {
	return getenv("NO_COLOR") != "" || getenv("TERM") == "dumb"
}
