package wrapper

import "unsafe"

// environOn copies the environment from the stack of a program that has just begun: the number of arguments, a pointer to
// each of them, nil, a pointer to each variable, nil.
//
// Preconditions: stack is what the kernel handed over, and nothing has changed what it points to.
func environOn(stack *uintptr) []string {
	arguments := int(*stack)
	var environ []string
	for i := arguments + 2; ; i++ {
		variable := *(**byte)(unsafe.Add(unsafe.Pointer(stack), i*int(unsafe.Sizeof(*stack))))
		if variable == nil {
			return environ
		}
		environ = append(environ, text(variable))
	}
}

// text copies the bytes from first to the zero behind them.
func text(first *byte) string {
	length := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(first), length)) != 0 {
		length++
	}
	return string(unsafe.Slice(first, length))
}
