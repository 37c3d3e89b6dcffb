// Package event turns the bytes of a Lambda invocation event into the texts a
// user could have chosen, decoded exactly as the function will see them.
//
// An event is recognised by its structure as one of the triggers, and each
// trigger has its own idea of what is encoded how: Function URLs hand form
// posts over in base64, load balancers leave the query encoded, HTTP APIs decode
// the path and REST APIs don't. Whoever inspects an event without knowing that
// either misses attacks or sees some where there are none.
//
// What AWS made (context, identifiers, time stamps) is no Field. What lies
// beyond a limit isn't inspected and is reported in Event.Exceeded; what is
// malformed is reported in Event.Faults and is inspected all the same.
//
// The package starts no goroutine, keeps no state and does nothing until the
// first event.
package event
