package bus

import "runtime/debug"

// PanicError is a panic turned into the failure of what was being done: of one command where a rule, a strategy or a
// renderer panicked. Its text leaves the panic's value out, which may hold personal data.
type PanicError struct {
	Value any
	Stack []byte
}

// Panicked returns the error for a recovered value, with the stack of the caller.
func Panicked(value any) *PanicError { return &PanicError{Value: value, Stack: debug.Stack()} }

// Error implements error. The stack is for logs.
func (*PanicError) Error() string { return "panic" }
