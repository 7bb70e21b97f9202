package resp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/redisentra/redisentra/internal/wire"
)

// keptBuffer is how large a buffer of commands may be that is kept.
const keptBuffer = 64 << 10

// Conn is a connection to Redis. All its methods but Close, Err and Format are for one goroutine at
// a time: a second one gets [ErrInUse].
type Conn struct {
	conn   net.Conn // what is read and written: TLS, or raw itself
	raw    net.Conn // beneath all of that
	onPush func(Value)

	busy atomic.Bool // one is in the middle of a command; it guards what follows
	r    reader
	out  []byte // commands to be sent
	session

	watch    atomic.Pointer[watch] // of a context that has come twice
	lastDone <-chan struct{}       // of the last context that was watched; guarded by busy

	mu     sync.Mutex // guards what follows
	closed error      // why the connection cannot be used; nil: it can
	gone   atomic.Bool
}

// Do sends one command and returns the reply. An error that the server replies is
// returned as an [*Error], and leaves the connection usable; errors inside of an array, as in the reply to
// EXEC, stay there, see [Value.Err].
//
// If ctx has ended already nothing is sent. If it ends in the middle the connection is
// closed, and whether the server has done the command is unknown. The error then is ctx's, and its cause.
func (c *Conn) Do(ctx context.Context, args ...string) (Value, error) {
	what, err := classify(args)
	if err != nil {
		return Value{}, err
	}
	w, err := c.enter(ctx)
	if err != nil {
		return Value{}, err
	}
	var v Value
	switch what {
	case ordinary:
		err = c.roundTrip(&v, args)
	case subscribe:
		if err := c.maySubscribe(args[0]); err != nil {
			c.release(w)
			return v, err
		}
		v, err = c.subscribe(args)
	default:
		if err = c.roundTrip(&v, args); err == nil {
			c.settle(what, args, &v)
		}
	}
	if err = c.leave(ctx, w, err); err != nil {
		return Value{}, err
	}
	if v.failed() {
		return Value{}, v.Err()
	}
	return v, nil
}

// Err returns nil as long as the connection can be used, and then an [ErrClosed] that says why it cannot.
func (c *Conn) Err() error {
	if !c.gone.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Close closes the connection. It may be called at any time, by any goroutine, and more than once;
// a command that is under way fails with [ErrClosed]. The error is that of the network, and may be ignored.
func (c *Conn) Close() error {
	c.unwatch()
	if !c.give(ErrClosed) {
		return nil
	}
	return c.conn.Close()
}

// Format implements [fmt.Formatter]: no verb shows what was sent, which may be a password.
func (c *Conn) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "resp.Conn to %v", c.raw.RemoteAddr()) }

// give ends the use of the connection, and reports whether it has not ended before.
func (c *Conn) give(why error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return false
	}
	c.closed = why
	c.gone.Store(true)
	return true
}

// fail closes the connection because of err. Later commands must not fail with an error that
// is err, which may be the end of a context that is not theirs.
func (c *Conn) fail(err error) {
	if c.give(fmt.Errorf("%w, after this: %v", ErrClosed, err)) {
		_ = c.raw.Close() // before TLS, which says goodbye to somebody who may not listen
		_ = c.conn.Close()
	}
	c.unwatch()
}

// enter begins something that needs the connection: release or leave ends it.
func (c *Conn) enter(ctx context.Context) (*watch, error) {
	if err := c.Err(); err != nil {
		return nil, err
	}
	if !c.busy.CompareAndSwap(false, true) {
		return nil, ErrInUse
	}
	w, err := c.begin(ctx)
	if err != nil {
		c.busy.Store(false)
	}
	return w, err
}

// release ends what enter began, between two replies.
func (c *Conn) release(w *watch) {
	c.end(w)
	c.busy.Store(false)
}

// leave ends what enter began. An error means that the connection is out of step, and is closed.
func (c *Conn) leave(ctx context.Context, w *watch, err error) error {
	if err == nil {
		c.release(w)
		return nil
	}
	if w != nil {
		w.stop()
	}
	switch {
	case w != nil && w.state.Load() == broken:
		err = ended(ctx)
	case c.gone.Load():
		err = c.Err() // by Close
	default:
		err = fmt.Errorf("resp: %w", err)
	}
	c.fail(err)
	c.busy.Store(false)
	return err
}

// roundTrip sends a command and reads its reply into v.
func (c *Conn) roundTrip(v *Value, args []string) error {
	if err := c.send(args); err != nil {
		return err
	}
	return c.receive(v)
}

// send sends a command.
func (c *Conn) send(args []string) error {
	c.out = wire.AppendCommand(c.out[:0], args...)
	return c.flush()
}

// flush writes what is in out.
func (c *Conn) flush() error {
	_, err := c.conn.Write(c.out)
	if c.out = c.out[:0]; cap(c.out) > keptBuffer {
		c.out = nil
	}
	return err
}

// receive reads the next reply into v, and hands on the pushes in front of it.
func (c *Conn) receive(v *Value) error {
	for {
		if err := c.r.reply(v); err != nil || v.kind != KindPush {
			return err
		}
		c.push(*v)
		*v = Value{}
	}
}

// push hands on a push.
func (c *Conn) push(v Value) {
	if c.onPush == nil {
		return
	}
	returned := false
	defer func() {
		if !returned { // it has panicked, and nobody will read on
			c.fail(errors.New("OnPush panicked"))
		}
	}()
	c.onPush(v)
	returned = true
}
