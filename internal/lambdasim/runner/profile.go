//go:build linux

package runner

import "fmt"

// Profile says which system calls a sandbox permits.
type Profile string

// The profiles.
const (
	// ProfileOpen permits what an ordinary container does: seccomp, prctl and
	// ptrace of its own processes.
	ProfileOpen Profile = "open"
	// ProfileLambda refuses, with EPERM, what AWS Lambda's sandbox refuses:
	// prctl, seccomp, ptrace, namespaces, mounts and chroot among others.
	ProfileLambda Profile = "lambda"
)

// Profiles lists the profiles.
func Profiles() []Profile { return []Profile{ProfileOpen, ProfileLambda} }

// orOpen returns the profile, open when it is empty, or an error when there is
// no such profile.
func (p Profile) orOpen() (Profile, error) {
	switch p {
	case "":
		return ProfileOpen, nil
	case ProfileOpen, ProfileLambda:
		return p, nil
	}
	return "", fmt.Errorf("there is no sandbox profile %q", string(p))
}
