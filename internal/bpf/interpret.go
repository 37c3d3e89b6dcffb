package bpf

import "fmt"

// Data is what a program sees of a call: the kernel's struct seccomp_data.
type Data struct {
	Number uint32
	Arch   uint32
	IP     uint64
	Args   [6]uint64
}

// word is the 32 bits at offset, on a little-endian machine.
func (d Data) word(offset uint32) uint32 {
	switch offset {
	case offsetNumber:
		return d.Number
	case offsetArch:
		return d.Arch
	case 8:
		return uint32(d.IP)
	case 12:
		return uint32(d.IP >> 32)
	}
	arg := d.Args[(offset-offsetArgs)/8]
	if offset%8 == 4 {
		return uint32(arg >> 32)
	}
	return uint32(arg)
}

// Run interprets the program for one call. It fails on a program that the kernel would not take: unknown instructions,
// loads outside of the data, and ends without a return.
func (p Program) Run(data Data) (Action, error) {
	var a uint32
	for at := 0; at < len(p); at++ {
		in := p[at]
		switch in.Code {
		case loadWord:
			if in.K%4 != 0 || in.K >= dataSize {
				return 0, fmt.Errorf("instruction %d: load at offset %d", at, in.K)
			}
			a = data.word(in.K)
		case and:
			a &= in.K
		case jump:
			at += int(in.K)
		case jumpEqual:
			at += in.over(a == in.K)
		case jumpAtLeast:
			at += in.over(a >= in.K)
		case ret:
			return Action(in.K), nil
		default:
			return 0, fmt.Errorf("instruction %d: unknown code %#x", at, in.Code)
		}
	}
	return 0, fmt.Errorf("no return within %d instructions", len(p))
}

func (in Instruction) over(yes bool) int {
	if yes {
		return int(in.Jt)
	}
	return int(in.Jf)
}
