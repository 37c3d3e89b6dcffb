// Package api is the Console's language: the schemas of Prisma Cloud Compute's API as far as they concern functions, ours
// beside them, and the records and queries that its store keeps and answers. It is data with its validation: no I/O, no
// clock.
//
// Field names, enumerations and wire habits are those of Prisma's self-hosted API 34.04. A schema's members that mean
// nothing for a function are kept where clients compare what they wrote with what they read, and left out elsewhere.
package api
