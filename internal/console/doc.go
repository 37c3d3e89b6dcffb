// Package console is the Console without its protocols: what the services share. The services are the packages below:
// access (who may do what), settings (policies and other configuration), audits (what Defenders report), autodefend (rules
// that attach Defenders) and alerting. Each declares its routes; rest serves them.
//
// Nothing is held in memory that a second replica would miss: the storage of this package's interfaces is the truth, and
// what is cached is checked against its generation.
package console
