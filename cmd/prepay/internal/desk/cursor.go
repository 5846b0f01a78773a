package desk

import "prepayledger/consumers/commandjson"

// errCursor says that a text is no cursor of a list.
func errCursor() error {
	return &commandjson.FieldError{Field: "cursor", Problem: "give the next of the page before, as it was"}
}
