package preload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// The protocol of shim/wire.h; a test compares the two files. All numbers are in the byte order of amd64 and arm64.
const (
	wireMagic   = 0x44415641
	wireVersion = 1

	questionSize = 60
	answerSize   = 16
	addressSize  = 28

	textMax = 4096 // bytes of a question's text
	argvMax = 2048 // bytes of a question's arguments
	// packetMax is the longest question. A longer packet is no question.
	packetMax = questionSize + textMax + argvMax
)

// kind is what a question is about: enum ad_kind.
type kind uint8

const (
	kindHello kind = iota
	kindExec
	kindConnect
	kindListen
	kindResolve
	kindOpen
	kindTamper
	kinds // how many there are
)

// flagPatched is the flag of a hello that says that the C library's own system calls lead to the shim.
const flagPatched = 1

// flagLibrary is the flag of an exec that says that code is mapped into the process itself.
const flagLibrary = 0x80000000

// verdict is enum ad_verdict.
type verdict uint8

const (
	allow verdict = iota
	deny
	exit
)

// Values of question.protocol.
const (
	protocolTCP = 6
	protocolUDP = 17
)

// Bits of question.access.
const (
	accessRead  = 1
	accessWrite = 2
)

// question is struct ad_question with what follows it. Text and argv share the packet's memory.
type question struct {
	kind     kind
	access   uint8
	dirfd    int32
	flags    uint32
	number   int32
	protocol uint16
	address  netip.AddrPort // invalid when the question has none
	inode    fileID         // of an open of a file with several names; zero for others
	text     string
	argv     []byte // arguments, each ended by a NUL; the last one may be cut
}

var errQuestion = errors.New("malformed question")

// parseQuestion reads one packet. It refuses what no shim sends: other versions, lengths that don't add up, text with a
// NUL in it, an address of another family.
func parseQuestion(packet []byte) (question, error) {
	if len(packet) < questionSize || len(packet) > packetMax {
		return question{}, fmt.Errorf("%w: %d bytes", errQuestion, len(packet))
	}
	le := binary.LittleEndian
	if magic, version := le.Uint32(packet), le.Uint16(packet[4:]); magic != wireMagic || version != wireVersion {
		return question{}, fmt.Errorf("%w: magic %#x, version %d", errQuestion, magic, version)
	}
	q := question{
		kind:     kind(packet[6]),
		access:   packet[7],
		dirfd:    int32(le.Uint32(packet[12:])),
		flags:    le.Uint32(packet[16:]),
		number:   int32(le.Uint32(packet[20:])),
		protocol: le.Uint16(packet[24:]),
	}
	addrLen, textLen, argvLen := int(le.Uint16(packet[26:])), int(le.Uint16(packet[28:])), int(le.Uint16(packet[30:]))
	if q.kind >= kinds {
		return question{}, fmt.Errorf("%w: kind %d", errQuestion, q.kind)
	}
	if textLen > textMax || argvLen > argvMax || questionSize+textLen+argvLen != len(packet) {
		return question{}, fmt.Errorf("%w: %d bytes with %d of text and %d of arguments", errQuestion, len(packet), textLen, argvLen)
	}
	text := packet[questionSize : questionSize+textLen]
	for _, b := range text {
		if b == 0 {
			return question{}, fmt.Errorf("%w: NUL in its text", errQuestion)
		}
	}
	q.text, q.argv = string(text), packet[questionSize+textLen:]
	var err error
	if q.kind == kindOpen {
		q.inode, err = parseInode(packet[32:questionSize], addrLen)
	} else {
		q.address, err = parseAddress(packet[32:questionSize], addrLen)
	}
	return q, err
}

// parseInode reads a struct ad_inode of which length bytes count; 0 is none.
func parseInode(raw []byte, length int) (fileID, error) {
	const inodeSize = 16
	switch length {
	case 0:
		return fileID{}, nil
	case inodeSize:
		return fileID{device: binary.LittleEndian.Uint64(raw), inode: binary.LittleEndian.Uint64(raw[8:])}, nil
	default:
		return fileID{}, fmt.Errorf("%w: inode of %d bytes", errQuestion, length)
	}
}

// parseAddress reads a struct sockaddr_in or sockaddr_in6 of which length bytes count; 0 is no address. An IPv4 address
// mapped into IPv6 comes back as IPv4, scopes are left out.
func parseAddress(raw []byte, length int) (netip.AddrPort, error) {
	const sizeIn, sizeIn6, sizeIn6Short = 16, 28, 24 // the kernel takes an IPv6 address without its scope
	if length == 0 {
		return netip.AddrPort{}, nil
	}
	if length > addressSize || length < sizeIn {
		return netip.AddrPort{}, fmt.Errorf("%w: address of %d bytes", errQuestion, length)
	}
	port := binary.BigEndian.Uint16(raw[2:])
	switch family := binary.LittleEndian.Uint16(raw); {
	case family == syscall.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), port), nil
	case family == syscall.AF_INET6 && (length == sizeIn6 || length == sizeIn6Short):
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[8:24])).Unmap(), port), nil
	default:
		return netip.AddrPort{}, fmt.Errorf("%w: address family %d of %d bytes", errQuestion, family, length)
	}
}

// args splits a question's arguments. At most argvMax bytes arrive, so that is the bound of what comes back.
func (q question) args() []string {
	var args []string
	for start, i := 0, 0; i < len(q.argv); i++ {
		if q.argv[i] == 0 {
			args = append(args, string(q.argv[start:i]))
			start = i + 1
		} else if i == len(q.argv)-1 {
			args = append(args, string(q.argv[start:]))
		}
	}
	return args
}

// answer is struct ad_answer.
type answer struct {
	verdict verdict
	errno   syscall.Errno // for deny
	table   uint32        // for hello: bytes to map
}

// encode writes the answer's packet.
func (a answer) encode() []byte {
	packet := make([]byte, 0, answerSize)
	le := binary.LittleEndian
	packet = le.AppendUint32(packet, wireMagic)
	packet = le.AppendUint16(packet, wireVersion)
	packet = append(packet, byte(a.verdict), 0)
	packet = le.AppendUint32(packet, uint32(a.errno))
	return le.AppendUint32(packet, a.table)
}
