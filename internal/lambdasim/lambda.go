package lambdasim

// lambdaService returns the operations of Lambda.
func lambdaService() service {
	return service{name: "lambda"}
}
