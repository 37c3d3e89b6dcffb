// Package layout is the byte format that the compiler of expressions writes and
// the matcher reads. Numbers are little endian; everything is found by offsets,
// so a program works wherever its bytes lie.
package layout

// Format is the number of this format, to be raised with every change of it. Each
// program and scanner carries it; tests compare, the matcher doesn't.
const Format = 3

// A program:
//
//	header   Header bytes, see the offsets below
//	classes  the class of every byte, or of those below 0x80 in programs over runes
//	kinds    one byte per class: a Kind
//	ranges   RangeSize bytes each: first rune (3 bytes), class (1 byte); sorted,
//	         the first begins at 0x80, each reaches to the next one's first rune
//	sets     ceil(classes/8) bytes each: bit c is set when class c is in the set
//	code     InstSize bytes each: bits 0-3 op, 4-17 argument, 18-31 next
const (
	Header    = 12
	RangeSize = 4
	InstSize  = 4

	OffFlags   = 0  // 1 byte
	OffClasses = 1  // 1 byte: number of classes, at most MaxClasses
	OffRanges  = 2  // 2 bytes: number of ranges
	OffSets    = 4  // 2 bytes: number of sets
	OffCode    = 6  // 2 bytes: number of instructions
	OffStart   = 8  // 2 bytes: first instruction
	OffGroups  = 10 // 1 byte: number of groups, the whole match included
	OffFormat  = 11 // 1 byte: Format

	// FlagBytes marks a program whose alphabet is bytes, not runes.
	FlagBytes = 1

	ArgShift  = 4
	NextShift = 18
	OpMask    = 1<<ArgShift - 1
	ArgMask   = 1<<(NextShift-ArgShift) - 1

	// MultiByte is the class of bytes that begin no ASCII character.
	MultiByte = 255
	// MaxClasses keeps classes, and one more for the end of text, below MultiByte.
	MaxClasses = 250
	// MaxCode is the largest number of instructions, and of sets.
	MaxCode = ArgMask + 1
)

// Kind says what a class means to ^, $ and \b. A class never mixes kinds when
// the program has such assertions.
const (
	KindOther   = 0
	KindNewline = 1
	KindWord    = 2
	KindBegin   = 3 // before the first character; no class has it
	Kinds       = 4
)

// Operations.
const (
	OpFail  = iota
	OpMatch // the expression has matched
	OpAlt   // continue at both: next is preferred, argument second
	OpAny   // any character, then next
	OpOne   // a character of the class in the argument, then next
	OpSet   // a character of a class in the set in the argument, then next
	OpEmpty // the assertion in the argument, then next
	OpGroup // remember the position in slot argument, then next
)

// Assertions, the argument of OpEmpty.
const (
	BeginLine = 1 << iota
	EndLine
	BeginText
	EndText
	WordBoundary
	NoWordBoundary

	// Behind are the assertions that only the character before can decide.
	Behind = BeginLine | BeginText
)

// A scanner looks from every two bytes of a text for longer literals:
//
//	header   ScannerHeader bytes
//	folding  256 bytes: the label of every byte, from 1; 0 for bytes in no literal
//	pairs    PairSize bytes for every two labels, the first one's row first: the
//	         base (2) and the output (2) of what begins with both. Row 0 is for one
//	         label after something that is in no literal.
//	nodes    NodeSize bytes each: base (2), output (2), label (1). The node for one
//	         more label stands at the base plus the label, if it has that label
//	         itself. Base 0 means that no literal is longer.
//	index    4 bytes per output: where its list begins in lists; one more at the
//	         end. Output 0 is the empty list.
//	lists    MaskSize bytes each: a word's index in the bit set (2), bits to set (8)
const (
	ScannerHeader = 16
	MaskSize      = 10

	OffScanNodes   = 0  // 4 bytes
	OffScanOutputs = 4  // 4 bytes
	OffScanSets    = 8  // 2 bytes
	OffScanLabels  = 10 // 2 bytes
	OffScanFormat  = 12 // 1 byte: Format

	PairSize   = 4
	NodeSize   = 5
	MaxNodes   = 1 << 16
	MaxOutputs = 1 << 16
	MaxLabels  = 254
	// NoLabel is in nodes that are nobody's.
	NoLabel = 255
)
