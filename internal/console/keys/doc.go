// Package keys is what the Console's secrets are made of: one master key, and the keys derived from it. Replicas of one
// Console share the master key; the database never holds it.
package keys
