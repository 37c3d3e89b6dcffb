package lambdasim

// ec2Service returns the operations of EC2.
func ec2Service() service {
	return service{name: "ec2"}
}
