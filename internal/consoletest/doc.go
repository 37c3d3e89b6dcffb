// Package consoletest tries the Console from outside: processes that are killed, a machine that loses its power, disks that
// are full or broken, replicas that share a database, and the whole way from a policy to an audit.
package consoletest
