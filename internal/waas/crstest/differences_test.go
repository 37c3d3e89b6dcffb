package crstest

// knownDifference is a test on which other rules fire than in Coraza.
type knownDifference struct {
	rules  string // those that only we have with a plus, those that only Coraza has with a minus
	reason string
}

// known lists them one by one. Only rules of the default level that both have are compared; what Coraza alone has
// (920100, 920170 and the like) needs the raw request, which no event holds.
func known() map[string]knownDifference {
	const (
		noForm   = "a body of a type that nobody knows is one text to us, Coraza takes it apart as a form"
		jsonSeen = "a JSON document without a Content-Type is JSON to us, Coraza takes it apart as a form"
	)
	return map[string]knownDifference{
		"920240-4":  {"+941130", "XML that isn't well-formed is read as far as it goes, Coraza's reader gives up"},
		"920420-5":  {"-921120 -921150", noForm},
		"920420-6":  {"-921120 -921150", noForm},
		"920420-7":  {"-921120 -921150", noForm},
		"920420-14": {"+932235", noForm},
		"920640-1":  {"+942100 -942190", jsonSeen},
		"920640-4":  {"+942100 -942190", jsonSeen},
		"920640-5":  {"+942100 -942190", jsonSeen},
		"921110-6":  {"-921150", noForm},
	}
}

// knownMutated lists differences that come with a mutation, by its name.
func knownMutated() map[string]knownDifference {
	return map[string]knownDifference{
		"query to JSON": {"+943110", "a member's name is the application's own to us, Coraza puts \"json.\" before it, and the rule wants the whole name"},
	}
}
