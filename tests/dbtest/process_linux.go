package dbtest

import "syscall"

// processAttributes keep a terminal's Ctrl-C from servers that tests still use; dies also ends the process with us.
func processAttributes(dies bool) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if dies {
		attributes.Pdeathsig = syscall.SIGKILL
	}
	return attributes
}
