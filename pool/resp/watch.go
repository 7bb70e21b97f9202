package resp

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// watch breaks off what a connection does when a context ends. It is kept while commands
// come with the same context, or with ones that end with it, from the second on: a context for one command only
// is let go at once, so that no goroutine has to start when it is canceled.
type watch struct {
	conn  net.Conn
	raw   net.Conn
	done  <-chan struct{}
	stop  func() bool
	kept  bool
	state atomic.Uint32
	mu    sync.Mutex // held while the deadline is set
}

// The states of a watch.
const (
	idle   uint32 = iota // nothing is under way that belongs to the context
	active               // something is
	broken               // something was, and the connection's deadline has been set, or is being set
)

// longAgo as a deadline ends what is under way.
var longAgo = time.Unix(1, 0)

// begin watches ctx until end is called. It returns the error of a ctx that has ended.
func (c *Conn) begin(ctx context.Context) (*watch, error) {
	done := ctx.Done()
	if done == nil {
		return nil, nil
	}
	w := c.watch.Load()
	if w == nil || w.done != done {
		select {
		case <-done:
			return nil, ended(ctx)
		default:
		}
		w = c.newWatch(ctx, done)
	} else {
		w.state.Store(active)
	}
	select {
	case <-done: // then the function may have found nothing to do
		c.end(w)
		return nil, ended(ctx)
	default:
		return w, nil
	}
}

// newWatch returns a watch of ctx that is active.
func (c *Conn) newWatch(ctx context.Context, done <-chan struct{}) *watch {
	c.unwatch()
	w := &watch{conn: c.conn, raw: c.raw, done: done, kept: c.lastDone == done}
	c.lastDone = done
	w.state.Store(active)
	w.stop = context.AfterFunc(ctx, func() {
		c.watch.CompareAndSwap(w, nil) // so that nothing keeps ctx
		w.interrupt()
	})
	if w.kept {
		c.watch.Store(w)
	}
	return w
}

// interrupt ends what is active.
func (w *watch) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.CompareAndSwap(active, broken) && w.conn.SetDeadline(longAgo) != nil {
		_ = w.raw.Close() // an SSH tunnel has no deadlines
	}
}

// end ends what begin began, between two replies. A context that ended too late to break it off leaves no trace.
func (c *Conn) end(w *watch) {
	if w == nil {
		return
	}
	if !w.kept {
		w.stop()
	}
	if w.state.CompareAndSwap(active, idle) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.conn.SetDeadline(time.Time{}); err != nil {
		c.fail(err)
	}
}

// unwatch lets go of the context that was watched last.
func (c *Conn) unwatch() {
	if w := c.watch.Swap(nil); w != nil {
		w.stop()
	}
}
