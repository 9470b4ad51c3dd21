//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package brokers

import "os"

// lockFile does nothing where files have no such locks: there one instance writes to a folder.
func lockFile(*os.File) error { return nil }

func unlockFile(*os.File) {}
