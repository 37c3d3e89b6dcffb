// Command gonames is a static Go program: its resolver is its own, and no C library is in it.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	if err := os.WriteFile("/proof/begun", fmt.Append(nil, os.Getpid()), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	_, err := net.LookupHost("evil.example")
	fmt.Fprintln(os.Stderr, err)
}
