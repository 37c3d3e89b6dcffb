// Package settings keeps what the Console is told to do: the policies of runtime and firewall with their network lists,
// collections, credentials, scan and custom rules, and general settings. It makes the signed policies that functions
// carry and ask for, hands out layers, and tries a policy on audits that are stored.
//
// What clients write is stored as they wrote it: members that mean nothing here come back unchanged. Collections are stored
// by name and filled in when a policy is read, so that a policy never shows what a collection was once. Every write is
// checked whole before it's stored, and is one transaction with its management audit.
//
// The files: settings.go has the service and its routes; object.go, decode.go and change.go are what all endpoints need;
// ruledoc.go and policies.go are the two policies, references.go finds who refers to whom; resolved.go, envelope.go and
// defenderpolicy.go make what functions get; one file for each other kind of document is named for it.
package settings
