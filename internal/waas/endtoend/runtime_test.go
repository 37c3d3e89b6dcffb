//go:build linux

package endtoend

func runtimeMain(string) int { return 1 }
