package policy

import (
	"net/netip"
	"slices"
	"strings"
)

// miners finds crypto miners by what they're called, what they're told, and whom they talk to.
type miners struct {
	level level
	names []string
	args  []string // parts of arguments
	flags []string // beginnings of arguments
	pools domains
	ports portRanges
}

// knownMiners returns what miners are known by. Names of pools that do other business too aren't in it, and neither
// are ports that other services use.
func knownMiners(l level) *miners {
	m := &miners{
		level: l,
		names: []string{
			"bfgminer", "bminer", "ccminer", "cgminer", "claymore", "cpuminer", "ethdcrminer64", "ethminer", "gminer",
			"kdevtmpfsi", "kinsing", "lolminer", "minerd", "minergate", "nanominer", "nbminer", "nheqminer",
			"phoenixminer", "rigel", "sgminer", "srbminer", "srbminer-multi", "t-rex", "teamredminer", "wildrig",
			"wildrig-multi", "xmr-stak", "xmrig", "xmrigdaemon", "xmrigminer", "xmrminer", "xtrememiner",
		},
		args: []string{
			"stratum+tcp://", "stratum+ssl://", "stratum+tls://", "stratum+tcps://", "stratum+udp://",
			"stratum1+", "stratum2+", "daemon+http://", "daemon+https://",
		},
		flags: []string{"--donate-level", "--randomx-", "--algo=rx/", "--algo=cn/", "--algo=cryptonight", "--coin=monero"},
	}
	for _, pool := range []string{
		"2miners.com", "auto.nicehash.com", "c3pool.com", "c3pool.org", "coin-hive.com", "coinhive.com", "cryptoloot.pro",
		"crypto-pool.fr", "dwarfpool.com", "ethermine.org", "flypool.org", "hashvault.pro", "herominers.com",
		"hiveon.com", "hiveon.net", "kryptex.network", "minergate.com", "minexmr.com", "mining-dutch.nl",
		"miningpoolhub.com", "monerohash.com", "moneroocean.stream", "monerop.com", "nanopool.org", "pool.xmr.pt",
		"poolto.be", "prohashing.com", "rplant.xyz", "slushpool.com", "sparkpool.com", "supportxmr.com",
		"unmineable.com", "webminepool.com", "woolypooly.com", "xmrpool.eu", "xmrpool.net", "zergpool.com", "zpool.ca",
	} {
		m.pools.add(pool, minersEntry)
		m.pools.add("*."+pool, minersEntry)
	}
	for _, port := range []uint16{3333, 3357, 10343, 14433, 14444, 45560, 45700} {
		m.ports = append(m.ports, labelledPorts{Ports{port, port}, minersEntry})
	}
	return m
}

// minersEntry is the member of a rule that asks to look for miners.
const minersEntry = "checkCryptoMiners"

// program finds a miner by its name and its arguments.
func (m *miners) program(p *Program) finding {
	for _, path := range [...]string{p.Path, p.Given, appletName(p)} {
		if m.named(baseName(path)) {
			return finding{m.level, miner, minersEntry, "has the name of a crypto miner"}
		}
	}
	for _, arg := range p.Args {
		if m.told(arg) {
			return finding{m.level, miner, minersEntry, "has the arguments of a crypto miner"}
		}
	}
	return finding{}
}

// named tells whether a name is that of a miner, with or without a version behind it.
func (m *miners) named(name string) bool {
	name = strings.ToLower(name)
	return name != "" && slices.ContainsFunc(m.names, func(known string) bool {
		return strings.HasPrefix(name, known) && (len(name) == len(known) || !isLetter(name[len(known)]))
	})
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

// told tells whether an argument is one that miners take.
func (m *miners) told(arg string) bool {
	arg = strings.ToLower(arg)
	return slices.ContainsFunc(m.args, func(part string) bool { return strings.Contains(arg, part) }) ||
		slices.ContainsFunc(m.flags, func(flag string) bool { return strings.HasPrefix(arg, flag) })
}

// domain finds the name of a mining pool: who asks for it mines.
func (m *miners) domain(name string) finding {
	if m.pools.find(name) == "" {
		return finding{}
	}
	return finding{m.level, poolName, minersEntry, "is the name of a mining pool"}
}

// address finds the port of a mining pool outside of private networks.
func (m *miners) address(ip netip.Addr, port uint16, protocol string) finding {
	if protocol == "udp" || !ip.IsGlobalUnicast() || ip.IsPrivate() || m.ports.find(port) == "" {
		return finding{}
	}
	return finding{m.level, poolPort, minersEntry, "has the port of mining pools"}
}
