package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"os"
	"path/filepath"

	"github.com/leadmill/leadmill/application"
)

// localFrom is the sender of mails that are only written into files.
const localFrom = "Leadmill <leadmill@localhost>"

// File writes each mail into a file of its own, for machines without a mail server. It is safe for concurrent use.
type File struct {
	dir    string
	from   netmail.Address
	clock  application.Clock
	logger *slog.Logger
}

var _ application.Mailer = (*File)(nil)

// NewFile returns a mailer that writes .eml files into a directory, which is made with the first mail and readable only by
// its owner. from is the sender, in a form that CheckFrom accepts; an empty one is leadmill@localhost. The error says what
// is wrong with from.
func NewFile(dir, from string, clock application.Clock, logger *slog.Logger) (*File, error) {
	if from == "" {
		from = localFrom
	}
	sender, err := parseFrom(from)
	if err != nil {
		return nil, fmt.Errorf("the sender %w", err)
	}
	return &File{dir: dir, from: sender, clock: clock, logger: logger}, nil
}

// fileTime sorts as text and needs no character that file systems refuse.
const fileTime = "20060102T150405.000000Z"

// Send implements application.Mailer. The file is complete as soon as it has its name, and only its owner can read it.
func (f *File) Send(ctx context.Context, m application.Mail) error {
	now := f.clock.Now().UTC()
	msg, err := compose(f.from, m, now)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return application.ErrUnavailable.Because(err)
	}
	var text bytes.Buffer
	if _, err := msg.WriteTo(&text); err != nil {
		return fmt.Errorf("write the mail's text: %w", err)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return application.ErrUnavailable.Because(fmt.Errorf("make the directory of mails: %w", err))
	}
	path := filepath.Join(f.dir, now.Format(fileTime)+"-"+cleanID(m.ID)+".eml")
	if err := write(path, text.Bytes()); err != nil {
		return application.ErrUnavailable.Because(fmt.Errorf("write a mail's file: %w", err))
	}
	f.logger.InfoContext(ctx, "mail written to a file", slog.String("file", path))
	return nil
}

// write makes the file under a temporary name and renames it, so that no reader finds an incomplete file. os.CreateTemp
// gives it mode 0600.
func write(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".mail-*.tmp")
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
