//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package brokers

import (
	"errors"
	"os"
	"syscall"
)

// lockFile waits until no other open file of it is locked.
func lockFile(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// unlockFile does nothing to a file that is closed, and so unlocked.
func unlockFile(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
