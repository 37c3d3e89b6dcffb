// Package access is who may do what: users, groups, roles, logins and their sessions, API tokens, logins at an OpenID
// Connect provider, and the tokens of Defenders.
//
// [Service.Authenticate] makes the principal of each call from what is stored at that moment, so that a changed role, a
// revoked session or a deleted user takes effect with the next call, on every replica. What is kept in memory is kept until
// the storage's generation moves on, and a verified password for a minute.
package access
