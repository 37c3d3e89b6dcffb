// Package crstest holds the firewall to what the Core Rule Set says of itself, and to Coraza.
//
// It has tests only. The Core Rule Set's regression tests come with its Go module; each becomes the event that AWS
// would make of the request, and both our engine and Coraza, with the same rules, judge that event. Mutations of the
// events, the prefilter turned off, and benchmarks in the same run follow from there.
package crstest
