package lambdasim

// stsService returns the operations of STS.
func stsService() service {
	return service{name: "sts"}
}
