package resolver

import (
	"encoding/binary"

	"golang.org/x/net/dns/dnsmessage"
)

// blocked is the Extended DNS Error for a name that the operator of the resolver denies (RFC 8914, section 4.16).
const blocked = 15

const (
	optionCookie        = 10
	optionExtendedError = 15
	// A cookie of the program and one of the server, in bytes.
	minCookie = 8 + 8
	maxCookie = 8 + 32
	// ourUDPSize is what the forwarder itself says it takes over UDP, in bytes.
	ourUDPSize = 1232
)

// denied is the answer to a question that the policy denies.
func (q *query) denied() []byte {
	message := q.failed(dnsmessage.RCodeNameError)
	if !q.edns {
		return message
	}
	options := appendOption(nil, optionExtendedError, []byte{0, blocked})
	if q.cookie != nil {
		options = appendOption(options, optionCookie, q.cookie)
	}
	// An empty OPT record is the end of the message; its last two bytes are the size of its options.
	binary.BigEndian.PutUint16(message[len(message)-2:], uint16(len(options)))
	return append(message, options...)
}

func appendOption(options []byte, code uint16, data []byte) []byte {
	options = binary.BigEndian.AppendUint16(options, code)
	options = binary.BigEndian.AppendUint16(options, uint16(len(data)))
	return append(options, data...)
}

// failed is an answer without records.
func (q *query) failed(code dnsmessage.RCode) []byte {
	message := append(emptyAnswer(q.message, code), q.message[headerSize:q.end]...)
	binary.BigEndian.PutUint16(message[4:], 1)
	if q.edns {
		message = append(message, 0, 0, byte(dnsmessage.TypeOPT))
		message = binary.BigEndian.AppendUint16(message, ourUDPSize)
		message = append(message, 0, 0, 0, 0, 0, 0)
		binary.BigEndian.PutUint16(message[10:], 1)
	}
	return message
}

// emptyAnswer is the header of an answer to a message that has at least a header.
func emptyAnswer(message []byte, code dnsmessage.RCode) []byte {
	header := make([]byte, headerSize, 2*headerSize+len(message))
	copy(header, message[:2])
	const (
		response           = 0x80
		opcodeAndRecursion = 0x79
		recursionAvailable = 0x80
	)
	header[2] = response | message[2]&opcodeAndRecursion
	header[3] = recursionAvailable | byte(code)&0xf
	return header
}
