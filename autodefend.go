// Package autodefend is the dictionary of the platform: the nouns that every
// other package speaks in, their validation and their errors.
//
//   - A [Function] is one AWS Lambda function in one account and region; all of
//     them together are the estate.
//   - A [Verdict] is what the Risk Engine says of a function, with the
//     [Finding] of each [Check] it rests on.
//   - A [Recipe] says, as data, how a Defender layer is attached.
//   - A [Plan] holds verdicts and, for each function to be touched, a [Change]
//     that is bound to the function's revision.
//   - A [Receipt] says what an apply or a roll-back did to one function.
//
// The package has no effects and imports nothing but the standard library.
// Values of customers' environment variables are secrets: the type
// [Variables] never prints them.
package autodefend

// Version is the release that this code becomes. Audits carry it, and layers
// are built without version control stamps, so that the same code gives the
// same bytes.
const Version = "0.1.0"
