// Package journal writes management audits: who changed what of the configuration, from where, with what was changed as
// text that never holds a secret.
package journal
