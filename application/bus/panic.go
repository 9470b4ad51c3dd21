package bus

import "runtime/debug"

// PanicError is a panic turned into an error, so that only the command whose rule, strategy or renderer panicked fails. Its
// text does not hold Value, which may be personal data.
type PanicError struct {
	Value any
	Stack []byte
}

// Panicked returns the error for a recovered value, with the stack of the caller.
func Panicked(value any) *PanicError { return &PanicError{Value: value, Stack: debug.Stack()} }

// Error implements error. Stack is for logs.
func (*PanicError) Error() string { return "panic" }
