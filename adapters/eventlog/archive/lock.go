package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lockName is the file that whoever writes to the archive has locked. It stays when nobody does.
const lockName = ".lock"

// ErrLocks says that the folder's file system does not lock files, so that two processes could write to it at once.
var ErrLocks = errors.New("the file system of the archive's folder does not lock files")

// Lock makes the caller the only one who writes to the folder, of all processes on all machines that share it, until unlock is called
// or the process ends. ok is false while somebody else is. It fails with ErrLocks, or an error of the folder.
func (d *Dir) Lock() (unlock func(), ok bool, err error) {
	f, err := os.OpenFile(filepath.Join(d.path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock the folder of the archive: %w", err)
	}
	ok, err = lock(f)
	if err != nil || !ok {
		return nil, false, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, true, nil // which gives the lock up
}
