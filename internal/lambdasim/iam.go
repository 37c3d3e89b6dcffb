package lambdasim

// iamService returns the operations of IAM.
func iamService() service {
	return service{name: "iam"}
}
