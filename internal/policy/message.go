package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
)

// kind is a kind of detection.
type kind uint8

// The detections.
const (
	none kind = iota
	deniedProgram
	filelessProgram
	writableProgram
	opaqueProgram
	miner
	poolName
	poolPort
	deniedIP
	deniedPort
	deniedListening
	deniedName
	deniedFile
	hijacked
)

// facts are what an audit says of a kind of detection besides its message.
type facts struct {
	section    string
	audit      autodefend.AuditType
	attack     autodefend.AttackType
	severity   autodefend.Severity
	techniques []string
}

// facts returns what audits of the kind say.
func (k kind) facts() facts {
	const (
		processes, network, filesystem = autodefend.AuditProcesses, autodefend.AuditNetwork, autodefend.AuditFilesystem
		high, medium                   = autodefend.SeverityHigh, autodefend.SeverityMedium
	)
	switch k {
	case deniedProgram:
		return facts{sectionProcesses, processes, autodefend.AttackDeniedProcess, medium, []string{"nativeBinaryExecution"}}
	case opaqueProgram:
		return facts{sectionProcesses, processes, autodefend.AttackDeniedProcess, medium, []string{"foreignBinaryExecution"}}
	case filelessProgram, writableProgram:
		return facts{sectionProcesses, processes, autodefend.AttackTmpfsProcess, high, []string{"foreignBinaryExecution"}}
	case miner, poolName, poolPort:
		return facts{sectionProcesses, processes, autodefend.AttackCryptoMiner, high, []string{"resourceHijacking"}}
	case deniedIP:
		return facts{sectionNetwork, network, autodefend.AttackDeniedIP, medium, []string{"commandAndControlGeneral"}}
	case deniedPort:
		return facts{sectionNetwork, network, autodefend.AttackDeniedOutboundPort, medium, []string{"commandAndControlGeneral"}}
	case deniedListening:
		return facts{sectionNetwork, network, autodefend.AttackDeniedListeningPort, medium, []string{"commandAndControlGeneral"}}
	case deniedName:
		return facts{sectionDNS, network, autodefend.AttackDeniedDNS, medium, []string{"commandAndControlGeneral"}}
	case deniedFile:
		return facts{sectionFilesystem, filesystem, autodefend.AttackFileAccess, medium, []string{"fileAndDirectoryDiscovery"}}
	case hijacked:
		return facts{sectionOwn, processes, autodefend.AttackPolicyHijacked, high, []string{"impairDefences"}}
	case none:
	}
	return facts{}
}

// message returns an audit's text. The words are those of Prisma's documents; detections of our own follow their style.
func message(e *Event, k kind) string {
	process := e.Process.Path
	if process == "" {
		process = "unknown process"
	}
	ip, port := e.Address.Addr().Unmap(), e.Address.Port()
	text := ""
	switch k {
	case deniedProgram:
		text = fmt.Sprintf("%s launched and is explicitly denied by runtime rule. Full command %s", e.Program.Path, command(e))
	case filelessProgram:
		text = fmt.Sprintf("%s launched without a file and is explicitly denied by runtime rule. Full command %s", e.Program.Path, command(e))
	case writableProgram:
		text = fmt.Sprintf("%s launched from a writable directory and is explicitly denied by runtime rule. Full command %s", e.Program.Path, command(e))
	case opaqueProgram:
		text = fmt.Sprintf("%s launched outside of the preload tier's reach and is explicitly denied by runtime rule. Full command %s", e.Program.Path, command(e))
	case miner:
		text = fmt.Sprintf("%s launched%s and is identified as a crypto miner. Full command: %s", e.Program.Path, by(e.Process.Path), command(e))
	case poolName, poolPort:
		text = fmt.Sprintf("%s launched%s and is identified as a crypto miner. Full command: %s", process, by(e.Process.Parent), scrub(e.Process.Command))
	case deniedIP:
		text = fmt.Sprintf("Outbound connection %s to IP %s is explicitly denied by a runtime rule", process, ip)
	case deniedPort:
		text = fmt.Sprintf("Outbound connection %s to port %d (IP: %s) is explicitly denied by a runtime rule.", process, port, ip)
	case deniedListening:
		text = fmt.Sprintf("Process %s is listening on port %d explicitly denied by a runtime rule", process, port)
	case deniedName:
		text = fmt.Sprintf("DNS resolution of domain name %s triggered by %s explicitly denied by a runtime rule", e.Domain, process)
	case deniedFile:
		text = fmt.Sprintf("%s access a suspicious path of %s", process, e.File)
	case hijacked:
		text = "Possible tampering of Defender policy detected."
	case none:
	}
	return oneLine(text)
}

// by names the parent, when it is known.
func by(parent string) string {
	if parent == "" {
		return ""
	}
	return " by " + parent
}

// subject is what an act is about, for the sentence that explains a decision.
func subject(e *Event) string {
	s := ""
	switch e.Kind {
	case Exec:
		s = e.Program.Path
	case Connect, Listen:
		s = e.Address.String()
	case Resolve:
		s = e.Domain
	case Open:
		s = e.File
	case Tamper:
		s = e.Detail
	}
	if s == "" {
		return "it"
	}
	return oneLine(s)
}

// command is the command line of a program to be started.
func command(e *Event) string {
	if len(e.Program.Args) == 0 {
		return e.Program.Path
	}
	return CommandLine(e.Program.Args)
}

// MaxCommand bounds a command line in events and audits, in bytes.
const MaxCommand = 1024

// CommandLine joins arguments to what audits show: secrets hidden, on one line, at most [MaxCommand] bytes.
func CommandLine(args []string) string {
	var b strings.Builder
	hide := false
	for i, arg := range args {
		if b.Len() > MaxCommand {
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		name, value, assigned := strings.Cut(arg, "=")
		switch {
		case hide && !strings.HasPrefix(arg, "-"):
			b.WriteString(hidden)
			hide = false
			continue
		case assigned && value != "" && secretName(name):
			b.WriteString(name + "=" + hidden)
			continue
		}
		hide = !assigned && strings.HasPrefix(arg, "-") && secretName(arg)
		b.WriteString(arg)
	}
	return cut(oneLine(b.String()), MaxCommand)
}

// scrub is CommandLine for arguments that are joined already.
func scrub(joined string) string { return CommandLine(strings.Split(joined, " ")) }

// hidden stands for a secret.
const hidden = "***"

// secretName tells whether a name is one under which secrets go.
func secretName(name string) bool {
	name = strings.ToLower(strings.TrimLeft(name, "-"))
	for _, word := range [...]string{"password", "passwd", "secret", "token", "apikey", "api-key", "api_key", "credential", "access-key", "access_key", "private-key", "private_key"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// oneLine replaces what would break a line or control a terminal.
func oneLine(s string) string {
	clean := func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}
	return strings.Map(clean, s)
}

// cut shortens text to at most n bytes without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
