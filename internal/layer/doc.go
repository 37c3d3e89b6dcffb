// Package layer makes the Lambda layer's zip from the defender binaries, and reads of other zips no more than it needs
// to know how large they are when unpacked.
package layer
