//go:build !linux

package dbtest

import "syscall"

// processAttributes keep a terminal's Ctrl-C from servers that tests still use. That a server dies with us is the
// guard's work here.
func processAttributes(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
