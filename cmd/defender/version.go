package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/autodefend/autodefend"
)

// printVersion writes the version that the build recorded in the binary.
func printVersion(stdout io.Writer) int {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = " " + setting.Value
			}
		}
	}
	if _, err := fmt.Fprintf(stdout, "defender %s%s %s %s/%s\n", version(), revision, runtime.Version(), runtime.GOOS, runtime.GOARCH); err != nil {
		return 1
	}
	return 0
}

// version returns the version of a build by module, and else the release that the code becomes.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return autodefend.Version
	}
	return info.Main.Version
}
