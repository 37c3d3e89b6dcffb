package lambdasim

// taggingService returns the operations of the Resource Groups Tagging API.
func taggingService() service {
	return service{name: "tagging"}
}
