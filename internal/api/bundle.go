package api

// LayerRequest is Prisma's shared.ServerlessLayerBundleRequest and shared.ServerlessBundleRequest. Clients send provider
// and runtime as lists of one, too.
type LayerRequest struct {
	// Architecture is ours: x86_64 when empty, or arm64.
	Architecture     string `json:"architecture,omitempty"`
	NodeJSModuleType string `json:"nodeJSModuleType,omitempty"` // commonjs or ecmascript
	Provider         string `json:"provider"`
	ProxyCA          string `json:"proxyCA,omitempty"` // PEM
	Runtime          string `json:"runtime"`
}

// LambdaRuntimes returns Prisma's shared.LambdaRuntimeType, the generic names included, and the runtimes that Lambda
// has since.
func LambdaRuntimes() []string {
	return []string{
		"python", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14", "python3.15",
		"nodejs", "nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x", "nodejs26.x",
		"dotnet", "dotnetcore2.1", "dotnetcore3.1", "dotnet6", "dotnet8", "dotnet10",
		"java", "java8", "java8.al2", "java8.al2023", "java11", "java11.al2023", "java17", "java17.al2023", "java21", "java25",
		"ruby", "ruby3.2", "ruby3.3", "ruby3.4", "ruby4.0", "provided.al2", "provided.al2023",
	}
}

// RetiredRuntimes returns names that older clients still send.
func RetiredRuntimes() []string {
	return []string{
		"python2.7", "python3.6", "python3.7", "python3.8", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x",
		"ruby2.5", "ruby2.7", "dotnetcore1.0", "dotnetcore2.0", "dotnet7", "go1.x", "provided",
	}
}

// RegionData is Prisma's shared.RegionData.
type RegionData struct {
	Coordinates       Coordinates `json:"coordinates"`
	Name              string      `json:"name"`
	Region            string      `json:"region"`
	RegionType        string      `json:"regionType"` // regular, gov or china
	SupportedServices []string    `json:"supportedServices"`
}

// Coordinates is Prisma's shared.Coordinates, in degrees.
type Coordinates struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}
