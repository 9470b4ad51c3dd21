package brokers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/application"
)

// files appends events to files of a folder, one a line. An event is taken when it is on the disk. Lines that come together are written together.
//
// The names of files order as they were written: events-2026-05-02-000001.jsonl. A new one is begun each day (UTC) and when one is large enough.
// Instances on one machine may write to one folder: a lock keeps their lines apart.
type files struct {
	folder string
	clock  application.Clock
	most   int64 // bytes of a file, from which on a new one is begun

	mu     sync.Mutex
	next   *lines        // gathers while others are written
	turn   chan struct{} // holds one while lines are written
	closed bool

	// Of whoever has the turn.
	lock *os.File
	open *os.File
	info fs.FileInfo // of the open file
	name string
	size int64
}

// lines are written and synced together.
type lines struct {
	text []byte
	led  bool // somebody writes them
	done chan struct{}
	err  error
}

const (
	// fileSize is how large files become, about.
	fileSize = 256 << 20
	lockName = ".leadmill.lock"
	dayForm  = "2006-01-02"
)

// fileName are the names of the files, with day and number.
var fileName = regexp.MustCompile(`^events-(\d{4}-\d{2}-\d{2})-(\d{6})\.jsonl$`)

func newFiles(s Sink, clock application.Clock) *files {
	return &files{folder: s.folder, clock: clock, most: fileSize, turn: make(chan struct{}, 1)}
}

// Publish implements message.Publisher.
func (f *files) Publish(_ string, messages ...*message.Message) error {
	f.mu.Lock()
	if f.next == nil {
		f.next = &lines{done: make(chan struct{})}
	}
	mine := f.next
	for _, m := range messages {
		mine.text = append(append(mine.text, m.Payload...), '\n')
	}
	leads := !mine.led
	mine.led = true
	f.mu.Unlock()
	if leads {
		f.turn <- struct{}{}
		f.mu.Lock()
		f.next = nil // what comes from now on is written next
		closed := f.closed
		f.mu.Unlock()
		if mine.err = errClosed; !closed {
			mine.err = f.write(mine.text)
		}
		<-f.turn
		close(mine.done)
	}
	<-mine.done
	return mine.err
}

// Close implements message.Publisher.
func (f *files) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	return f.forget()
}

// write appends lines to the newest file and syncs it. After an error the end of the file is looked at before more is written.
func (f *files) write(text []byte) (err error) {
	unlock, err := f.hold()
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.ready(); err != nil {
		return errors.Join(err, f.forget())
	}
	n, err := f.open.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.open.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write events: %w", err), f.forget())
	}
	f.size += int64(n)
	return nil
}

// hold keeps other processes on this machine from the folder.
func (f *files) hold() (unlock func(), err error) {
	if f.lock == nil {
		if err := os.MkdirAll(f.folder, 0o750); err != nil {
			return nil, err
		}
		if f.lock, err = os.OpenFile(filepath.Join(f.folder, lockName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			f.lock = nil
			return nil, err
		}
	}
	if err := lockFile(f.lock); err != nil {
		return nil, fmt.Errorf("lock the folder: %w", err)
	}
	held := f.lock
	return func() { unlockFile(held) }, nil
}

// ready has the newest file open, whole to its end and of today, and with room.
func (f *files) ready() error {
	today := f.clock.Now().UTC().Format(dayForm)
	if f.open != nil && !f.same() { // somebody else wrote, or took the file away
		if err := f.leave(); err != nil {
			return err
		}
	}
	if f.open == nil {
		if err := f.find(); err != nil {
			return err
		}
	}
	day, number := today, 1
	if parts := fileName.FindStringSubmatch(f.name); parts != nil {
		if f.open != nil && parts[1] >= today && f.size < f.most {
			return nil
		}
		if parts[1] >= today { // also when the clock was put back
			last, err := strconv.Atoi(parts[2])
			if err != nil {
				return err
			}
			day, number = parts[1], last+1
		}
	}
	if err := f.leave(); err != nil {
		return err
	}
	return f.use(fmt.Sprintf("events-%s-%06d.jsonl", day, number), os.O_CREATE)
}

// same reports whether the open file is as this process left it, and still the newest.
func (f *files) same() bool {
	now, err := os.Stat(filepath.Join(f.folder, f.name))
	if err != nil || !os.SameFile(now, f.info) || now.Size() != f.size {
		return false
	}
	newest, err := f.newest()
	return err == nil && newest == f.name
}

// newest returns the name of the newest file; empty when there is none.
func (f *files) newest() (string, error) {
	entries, err := os.ReadDir(f.folder)
	if err != nil {
		return "", err
	}
	name := ""
	for _, e := range entries { // in the order of their names
		if fileName.MatchString(e.Name()) {
			name = e.Name()
		}
	}
	return name, nil
}

// find opens the newest file, if there is one, and takes away a last line that was not written to its end: its event was not taken and comes again.
func (f *files) find() error {
	name, err := f.newest()
	if err != nil || name == "" {
		return err
	}
	if err := f.use(name, 0); err != nil {
		return err
	}
	end, err := wholeEnd(f.open, f.size)
	if err != nil || end == f.size {
		return err
	}
	if err := errors.Join(f.open.Truncate(end), f.open.Sync()); err != nil {
		return fmt.Errorf("take away an incomplete line: %w", err)
	}
	f.size = end
	return nil
}

// wholeEnd returns where the last line that is whole ends in a file of a size.
func wholeEnd(file io.ReaderAt, size int64) (int64, error) {
	const step = 64 << 10
	buffer := make([]byte, step)
	for end := size; end > 0; {
		from := max(end-step, 0)
		part := buffer[:end-from]
		if _, err := file.ReadAt(part, from); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// use opens a file to append to it.
func (f *files) use(name string, flags int) (err error) {
	f.open, err = os.OpenFile(filepath.Join(f.folder, name), os.O_RDWR|os.O_APPEND|flags, 0o640) //nolint:gosec // those who read events may be of the group
	if err != nil {
		f.open = nil
		return err
	}
	f.name = name
	if f.info, err = f.open.Stat(); err != nil {
		return err
	}
	f.size = f.info.Size()
	if flags&os.O_CREATE != 0 {
		return syncFolder(f.folder)
	}
	return nil
}

// leave closes the file.
func (f *files) leave() error {
	if f.open == nil {
		return nil
	}
	err := f.open.Close()
	f.open, f.info = nil, nil
	return err
}

// forget closes the file and the lock: the folder may be another one when it is used again.
func (f *files) forget() error {
	err := f.leave()
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}

// syncFolder has a new file's name survive a crash of the machine.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" { // where a folder cannot be synced
		return nil
	}
	d, err := os.Open(folder) //nolint:gosec // of the operator
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
