package autodefend

import "time"

// Runtime is what is known of one Lambda runtime.
type Runtime struct {
	Name string `yaml:"name"`
	// Family is the language or base: python, nodejs, java, ruby, dotnet, go,
	// provided.
	Family string `yaml:"family"`
	// OS is the base image: AL1, AL2 or AL2023.
	OS string `yaml:"os"`
	// Wrapper is true when the runtime runs wrapper scripts.
	Wrapper bool `yaml:"wrapper"`
	// Deprecated and Blocked are the days AWS deprecates the runtime and
	// refuses updates of its functions. AWS has moved them before.
	Deprecated time.Time `yaml:"deprecated"`
	Blocked    time.Time `yaml:"blocked"`
}
