package lambdasim

// cloudwatchService returns the operations of CloudWatch.
func cloudwatchService() service {
	return service{name: "monitoring"}
}
