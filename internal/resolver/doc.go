// Package resolver is a forwarder for DNS that asks before it forwards. The programs of a function send their questions
// to it, because a tier has redirected them, over UDP or TCP; it has each question judged, forwards what is allowed to
// the servers of /etc/resolv.conf, and tells which addresses the answers brought.
//
// A name is judged as it was asked. A name that a program's own resolver expands by a search domain is several
// questions, and so several judgements; a reverse lookup is a question for a name below in-addr.arpa or ip6.arpa. What
// kind of record is asked for makes no difference. Where a CNAME leads is not judged: the owner of an allowed name could
// as well answer with the address itself.
//
// Queries and answers are forwarded as the bytes they came as: id, case, EDNS options and signatures are the program's
// business. The forwarder doesn't cache.
//
// # A denied name does not exist
//
// The answer to a denied question is NXDOMAIN, with the Extended DNS Error "Blocked" where the program speaks EDNS.
// REFUSED would be the more honest word, but programs read it as "ask another server, or again": musl passes over it and
// waits until its five seconds have gone by, glibc asks again and reports a temporary failure (EAI_AGAIN), which callers
// retry, Go says that the server misbehaves. NXDOMAIN ends a lookup at once with all of them and with c-ares. It carries
// no SOA record, so nobody may remember it (RFC 2308, section 5), and a policy that allows the name later works at once.
package resolver
