package reauth_test

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// end is an end of a connection in memory, which holds any number of bytes under way. Unlike those of
// a net.Pipe its writers wait for nobody, unless room says so, as if the network had buffers.
type end struct {
	in, out *half
	// segment returns how many of the bytes that have come, of which there are have, behind at bytes
	// that were read, a Read may return at most. Default: all.
	segment func(at, have int) int

	mu     sync.Mutex
	closed bool
}

// half is one direction.
type half struct {
	mu              sync.Mutex
	changed         sync.Cond
	buf             []byte
	read            int    // bytes so far
	room            int    // for bytes that nobody has read; negative: any number
	full            func() // called when a Write finds no room
	ended           bool
	readBy, writeBy time.Time
}

func newHalf() *half {
	h := &half{room: -1}
	h.changed.L = &h.mu
	return h
}

func duplex() (client, server *end) {
	a, b := newHalf(), newHalf()
	return &end{in: a, out: b}, &end{in: b, out: a}
}

// change runs f and wakes everybody who waits for something.
func (h *half) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.changed.Broadcast()
}

func passed(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}

func (e *end) Read(p []byte) (int, error) {
	h := e.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case e.isClosed():
			return 0, net.ErrClosed
		case passed(h.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(h.buf) > 0 && len(p) > 0:
			most := len(h.buf)
			if e.segment != nil {
				most = min(most, max(1, e.segment(h.read, most)))
			}
			n := copy(p, h.buf[:most])
			h.buf = h.buf[n:]
			h.read += n
			h.changed.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (e *end) Write(p []byte) (n int, err error) {
	h := e.out
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case e.isClosed():
			return n, net.ErrClosed
		case h.ended:
			return n, syscall.EPIPE
		case passed(h.writeBy):
			return n, os.ErrDeadlineExceeded
		}
		most := len(p) - n
		if h.room >= 0 {
			most = min(most, max(0, h.room-len(h.buf)))
		}
		h.buf = append(h.buf, p[n:n+most]...)
		h.changed.Broadcast()
		if n += most; n == len(p) {
			return n, nil
		}
		if h.full != nil {
			h.full()
		}
		h.changed.Wait()
	}
}

// Close ends both directions; what was written before can still be read.
func (e *end) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.in.change(func() { e.in.ended = true })
	e.out.change(func() { e.out.ended = true })
	return nil
}

func (e *end) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

func (e *end) SetReadDeadline(t time.Time) error  { return e.setDeadline(e.in, &e.in.readBy, t) }
func (e *end) SetWriteDeadline(t time.Time) error { return e.setDeadline(e.out, &e.out.writeBy, t) }

func (e *end) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) setDeadline(h *half, at *time.Time, t time.Time) error {
	if e.isClosed() {
		return net.ErrClosed
	}
	h.change(func() { *at = t })
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		time.AfterFunc(wait, func() { h.change(func() {}) })
	}
	return nil
}

// LocalAddr and RemoteAddr implement net.Conn.
func (e *end) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (e *end) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6380} }
