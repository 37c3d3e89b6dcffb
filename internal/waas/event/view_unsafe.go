package event

import "unsafe"

// view is data as a string without a copy: an event has up to 6 MB, in a
// function that may have 128.
//
// Preconditions: data doesn't change while the string or a part of it is in use.
// Decode's decoder copies whatever it puts into the Event, so the view ends with
// the call.
func view(data []byte) string {
	return unsafe.String(unsafe.SliceData(data), len(data))
}
