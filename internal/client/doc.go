// Package client speaks to the Console for a Defender. It knows two requests, and this is the contract of both:
//
//	POST /api/v1/defender/audits
//	Authorization: Bearer TOKEN
//	Content-Type: application/json
//	Content-Encoding: gzip              (bodies over 1,400 bytes)
//
//	[{"_id": "…", …}, …]                1 to 100 of autodefend.Audit
//
// The Console answers 2xx once all audits are stored. An audit whose _id it already has counts as stored, so a batch
// may be sent again after any doubt. It takes the function an audit is about from the token, never from the audit.
//
//	GET /api/v1/defender/policy
//	Authorization: Bearer TOKEN
//	If-None-Match: "ETAG"               (when an earlier answer gave one)
//
// The answer is 200 with the envelope, text such as the variable TW_POLICY holds, as text/plain and an ETag; or 304 when
// the envelope is still the one of that ETag. Which function it is for follows from the token.
//
// The envelope has a token, which the Defender calls with from then on: the one it has, or a newer one when that has
// become old. Without an address of the Console the Defender goes on calling where it does, by the proxy that it uses; an
// address takes the place of all of it, with the proxy and the authority that stand beside it, or none. The old token and
// way are kept until the new ones have proved themselves.
//
// To both the Console answers 401 or 403 for a token that it doesn't know, 429 or 503 with Retry-After (seconds or a
// date) when it has too much to do, and 400, 413 or 422 for what would fail again. Redirects are not followed: the token
// is for one address.
package client
