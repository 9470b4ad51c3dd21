package httpport

import (
	"errors"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// drained returns a listener of TCP that loses no connection when it is closed: those that the system has taken, and that nobody has accepted
// yet, would be reset. They are accepted and served like the others.
func drained(l net.Listener) net.Listener {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return l
	}
	return &draining{TCPListener: tcp, closed: make(chan struct{})}
}

type draining struct {
	*net.TCPListener

	once   sync.Once
	closed chan struct{} // when left is known
	mu     sync.Mutex
	left   []net.Conn
}

// Close implements net.Listener. Closing once more does nothing.
func (d *draining) Close() error {
	var err error
	d.once.Do(func() {
		defer close(d.closed)
		// The socket listens on under another descriptor: that of the listener is closed only when nobody waits for it any more.
		socket := -1
		if raw, failed := d.SyscallConn(); failed == nil {
			_ = raw.Control(func(fd uintptr) {
				if other, failed := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); failed == nil {
					socket = other
				}
			})
		}
		err = d.TCPListener.Close()
		if socket < 0 {
			return
		}
		taken := takeAll(socket)
		_ = unix.Close(socket) // at once: what comes in between is reset
		for _, fd := range taken {
			f := os.NewFile(uintptr(fd), "")
			if conn, failed := net.FileConn(f); failed == nil {
				d.left = append(d.left, conn)
			}
			_ = f.Close() // conn has its own
		}
	})
	return err
}

// takeAll accepts what nobody has accepted yet.
func takeAll(socket int) (taken []int) {
	for {
		fd, _, err := unix.Accept4(socket, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			taken = append(taken, fd)
		case !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECONNABORTED): // there are no more
			return taken
		}
	}
}

// Accept implements net.Listener.
func (d *draining) Accept() (net.Conn, error) {
	conn, err := d.TCPListener.Accept()
	if err == nil {
		return conn, nil
	}
	if !errors.Is(err, net.ErrClosed) {
		return nil, err
	}
	<-d.closed
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.left) == 0 {
		return nil, err
	}
	conn, d.left = d.left[0], d.left[1:]
	return conn, nil
}
