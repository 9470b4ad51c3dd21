package secret

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/leadmill/leadmill/application"
)

// fromFile returns the key of a file, which it makes if it is not there and may be made. Errors name the file and nothing of the key.
func fromFile(file string, makes bool) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if errors.Is(err, fs.ErrNotExist) && makes {
		if err := place(file); err != nil {
			return "", application.ErrUnavailable.Because(fmt.Errorf("make the key file %s: %w", file, err))
		}
		text, err = os.ReadFile(file) //nolint:gosec // as above
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", application.ErrSecretUnreadable.Because(fmt.Errorf("the key file %s is gone", file))
	case err != nil:
		return "", application.ErrUnavailable.Because(fmt.Errorf("read the key file: %w", err))
	}
	key := strings.TrimRight(string(text), "\r\n")
	if err := CheckKey(key); err != nil {
		return "", application.ErrSecretUnreadable.Because(fmt.Errorf("the key in the file %s %w", file, err))
	}
	return key, nil
}

// place makes a file with a new key, readable by its owner only. It has its name when it is complete and on the disk: what is sealed with a
// key that a crash takes away could never be opened again. One that another process made meanwhile stays.
func place(file string) (err error) {
	part, err := os.CreateTemp(filepath.Dir(file), ".leadmill-*.part") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(part.Name())) }()
	_, err = part.WriteString(rand.Text() + rand.Text() + "\n") // 52 characters, 260 bits
	if err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	// A link, because a rename would take the place of a file that another process made.
	if err := os.Link(part.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// syncFolder has a folder's new names outlive a crash, where the system can be told so.
func syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(name) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
