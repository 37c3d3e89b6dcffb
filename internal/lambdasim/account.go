package lambdasim

// accountService returns the operations of Account Management.
func accountService() service {
	return service{name: "account"}
}

// servicesState is the state of the services beside Lambda; World.mu guards it.
type servicesState struct{}
