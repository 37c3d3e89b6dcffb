// Processors are counted by affinity alone: reading the limits of control groups, at the start and then every second, costs
// more than a thread too many does.

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

package main
