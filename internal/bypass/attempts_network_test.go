package bypass

import "time"

// Attempts to reach what is denied, to listen, and to resolve the denied name.

func reaches(way, about string) attempt {
	return attempt{name: "network-" + way, about: about, run: []string{"network", way}, rule: "network", proof: sent}
}

func listens(way, about string) attempt {
	return attempt{name: "network-" + way, about: about, run: []string{"network", way}, rule: "network", proof: listened}
}

func networkIn(program, name, way, about string, p proof, needs ...string) attempt {
	return attempt{name: name, about: about, run: []string{program, way}, rule: "network", proof: p, needs: needs}
}

func networkAttempts() []attempt {
	noRing := func(a *attempt) { a.kernel, a.preload, a.preloadLambda = refused, refused, outside }
	return []attempt{
		reaches("connect", "connect over IPv4"),
		reaches("connect6", "connect over IPv6"),
		reaches("connect-mapped", "an IPv4 address mapped into IPv6"),
		reaches("connect-port", "a denied port of an allowed host"),
		reaches("connect-any", "a denied port at 0.0.0.0"),
		reaches("metadata", "the metadata service's address"),
		reaches("connect-udp", "connect of a datagram socket"),
		reaches("connect-long", "a longer sockaddr than needed"),
		reaches("connect-syscall", "syscall(SYS_connect)"),
		reaches("non-blocking", "a non-blocking socket"),
		reaches("reconnect", "a connected datagram socket is given another peer"),
		reaches("sendto", "sendto"),
		reaches("sendto6", "sendto over IPv6"),
		reaches("sendto-mapped", "sendto, mapped into IPv6"),
		reaches("sendto-unspecified", "sendto with family AF_UNSPEC, which Linux takes for IPv4"),
		reaches("sendto-four-on-six", "an IPv4 address on an IPv6 socket"),
		reaches("sendto-connected", "sendto on a socket connected elsewhere"),
		reaches("sendmsg", "sendmsg"),
		reaches("sendmmsg", "sendmmsg, the second message"),
		reaches("sendmmsg-syscall", "syscall(SYS_sendmmsg)"),
		reaches("fast-open", "sendto with MSG_FASTOPEN"),
		reaches("fast-open-message", "sendmsg with MSG_FASTOPEN"),
		reaches("fast-open-connect", "TCP_FASTOPEN_CONNECT"),
		reaches("multipath", "a multipath TCP socket").with(func(a *attempt) { a.needs = []string{kernelMPTCP} }),
		reaches("io-uring", "io_uring's connect").with(noRing),
		reaches("io-uring-send", "io_uring's sendmsg").with(noRing),
		reaches("passed-socket", "a connected socket from a helper, by SCM_RIGHTS"),
		networkIn("sh", "network-static", "child.sh", "a static program", sent).giving("network-static", "connect"),
		networkIn("sh", "network-go-dynamic", "child.sh", "a Go program with a dynamic loader", sent, "go").giving("gocalls").with(goes("connect")),
		networkIn("sh", "network-bash", "network-bash.sh", "bash's /dev/tcp", sent),
		networkIn("sh", "network-perl", "network-perl.sh", "perl's sockets", sent),
		networkIn("network.py", "network-python", "urllib_get", "urllib", sent),
		networkIn("network.py", "network-python-asyncio", "asyncio_open", "asyncio", sent),
		networkIn("network.py", "network-python-sendto", "send_to", "socket.sendto", sent),
		networkIn("ways.cjs", "network-node", "connect", "net.connect", sent, node),
		networkIn("ways.cjs", "network-node-fetch", "fetch", "fetch", sent, node),
		networkIn("ways.cjs", "network-node-udp", "udp", "dgram", sent, node),
		networkIn("ways.rb", "network-ruby", "connect", "TCPSocket", sent, ruby),
		networkIn("Ways.class", "network-java", "connect", "java.net.Socket", sent, javac),
		listens("listen", "bind and listen"),
		listens("listen6", "bind and listen on IPv6"),
		listens("listen-mapped", "an IPv4 address mapped into IPv6"),
		listens("listen-unspecified", "bind with family AF_UNSPEC, which Linux takes for IPv4"),
		listens("listen-syscall", "syscall(SYS_bind)"),
		networkIn("ways.cjs", "network-listen-node", "listen", "net.createServer", listened, node),
		networkIn("network-crafted", "network-assembly", "assembly", "the instruction itself, in deployed native code", sent).crafts(uncovered),
		networkIn("network-crafted", "network-int80", "int80", "int 0x80: the 32-bit call", sent).crafts(uncovered).with(func(a *attempt) {
			a.preloadLambda, a.kernel = outside, refused
		}),
		race("network-race-connect", "the address flips under connect, datagrams", "network-races", "connect", "network", sent, 2000),
		race("network-race-stream", "the address flips under connect, streams", "network-races", "stream", "network", sent, 2000),
		race("network-race-sendto", "the address flips under sendto", "network-races", "sendto", "network", sent, 2000),
		race("network-race-sendmsg", "the address flips under sendmsg", "network-races", "sendmsg", "network", sent, 2000),
		race("network-race-descriptor", "the descriptor flips under connect", "network-races", "descriptor", "network", sent, 2000),
		{name: "strict-raw-address", about: "an address that no allowed name led to", run: []string{"names", "raw-address"}, rule: "strict", proof: sent},
		{name: "strict-doh", about: "DNS over HTTPS at a known resolver", run: []string{"names", "doh"}, rule: "strict", proof: resolved},
		{name: "strict-dot", about: "DNS over TLS's port", run: []string{"names", "dot"}, rule: "strict", proof: resolved},
		{name: "strict-other-port", about: "DNS on another port", run: []string{"names", "other-port"}, rule: "strict", proof: resolved},
		{name: "strict-forged-answer", about: "an answer that nobody asked for teaches the address", run: []string{"names", "forged-answer"}, rule: "strict", proof: sent},
		{name: "strict-connect", about: "a bare connect", run: []string{"network", "connect"}, rule: "strict", proof: sent},
		{name: "strict-sendmmsg", about: "a bare sendmmsg", run: []string{"network", "sendmmsg"}, rule: "strict", proof: sent},
	}
}

func asks(way, about string) attempt {
	return attempt{name: "dns-" + way, about: about, run: []string{"names", way}, rule: "dns", proof: resolved}
}

func namesIn(program, name, way, about string, needs ...string) attempt {
	return attempt{name: name, about: about, run: []string{program, way}, rule: "dns", proof: resolved, needs: needs}
}

func nameAttempts() []attempt {
	return []attempt{
		asks("getaddrinfo", "getaddrinfo"),
		asks("trailing-dot", "a name with a final dot"),
		asks("capitals", "a name in capitals"),
		asks("below", "a name below it, as data is carried out"),
		asks("gethostbyname", "gethostbyname"),
		asks("gethostbyname2", "gethostbyname2_r, IPv6"),
		asks("getaddrinfo_a", "getaddrinfo_a, in a thread of libc's own"),
		asks("res-query", "res_query for TXT"),
		asks("own-resolver-state", "res_nquery at another server"),
		asks("alias", "HOSTALIASES"),
		asks("search-list", "LOCALDOMAIN and a short name"),
		asks("udp", "a packet by hand"),
		asks("mixed-case", "mixed case"),
		asks("two-questions", "two questions in a packet").silent(),
		asks("pointer", "a compressed name in the second question").silent(),
		asks("pointer-ahead", "a name that points ahead").silent(),
		asks("edns", "with EDNS"),
		asks("odd-type", "type ANY"),
		asks("odd-class", "class CHAOS"),
		asks("odd-operation", "an operation that is no query").silent(),
		asks("other-resolver", "another resolver"),
		asks("connected", "connect and write"),
		asks("mapped", "another resolver, mapped into IPv6"),
		asks("sendmmsg", "sendmmsg, the second message"),
		asks("tcp", "TCP"),
		asks("tcp-other", "TCP to another resolver"),
		asks("tcp-pieces", "TCP, byte by byte, after an allowed question"),
		namesIn("sh", "dns-static", "child.sh", "a static program's packet").giving("names-static", "udp"),
		namesIn("sh", "dns-musl", "child.sh", "musl's getaddrinfo", musl).giving("names-musl", "getaddrinfo"),
		namesIn("sh", "dns-musl-static", "child.sh", "static musl's gethostbyname", musl).giving("names-musl-static", "gethostbyname"),
		namesIn("sh", "dns-go", "child.sh", "Go's own resolver, static", "go").giving("gonames"),
		namesIn("gonames", "dns-main-go", "", "the function's own runtime is a static Go program", "go").with(opaqueMain),
		namesIn("sh", "dns-wget", "names-wget.sh", "wget", "/usr/bin/wget"),
		namesIn("sh", "dns-dig", "names-dig.sh", "dig at another resolver", "/usr/bin/dig"),
		namesIn("sh", "dns-getent", "names-getent.sh", "getent"),
		namesIn("sh", "dns-busybox", "names-busybox.sh", "a static busybox's nslookup", busybox),
		namesIn("network.py", "dns-python", "name", "socket.getaddrinfo"),
		namesIn("network.py", "dns-python-ctypes", "name_ctypes", "ctypes and libc's getaddrinfo"),
		namesIn("ways.cjs", "dns-node-lookup", "lookup", "dns.lookup", node),
		namesIn("ways.cjs", "dns-node-resolve", "resolve", "dns.resolve4, by c-ares", node),
		namesIn("ways.cjs", "dns-node-other-resolver", "otherResolver", "c-ares at another resolver", node),
		namesIn("ways.rb", "dns-ruby-resolv", "resolv", "Resolv, in pure Ruby", ruby),
		{name: "dns-java", about: "InetAddress", run: []string{"Ways.class", "name"}, rule: "dns", proof: resolved, needs: []string{javac}, within: 40 * time.Second},
	}
}
