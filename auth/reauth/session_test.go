package reauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/internal/wire"
)

// session is a connection to a server, inside a bubble of virtual time.
type session struct {
	t    *testing.T
	conn *reauth.Conn
	near *end // what conn wraps
	far  *end // of the server
	s    *server

	life   time.Duration // of the tokens to come
	tokens atomic.Int64  // that new gave

	mu     sync.Mutex  // guards what follows
	source auth.Source // what the Conn asks; new, if nobody sets another
	events []reauth.Event
	log    strings.Builder
}

// newSession returns a session whose client has not logged in. arrange may change what there is
// before anything is used, and may be nil.
func newSession(t *testing.T, life time.Duration, arrange func(*session, *reauth.Config)) *session {
	se := &session{t: t, life: life}
	se.near, se.far = duplex()
	se.s = newServer(t, se.far)
	se.source = auth.SourceFunc(se.new)
	cfg := reauth.Config{
		Source: auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
			se.mu.Lock()
			source := se.source
			se.mu.Unlock()
			return source.Credentials(ctx)
		}),
		Logger: slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			se.mu.Lock()
			defer se.mu.Unlock()
			return se.log.Write(p)
		}), nil)),
		OnReauth: func(e reauth.Event) {
			se.mu.Lock()
			defer se.mu.Unlock()
			se.events = append(se.events, e)
		},
	}
	if arrange != nil {
		arrange(se, &cfg)
	}
	se.conn = reauth.NewConn(se.near, cfg)
	go se.s.serve()
	t.Cleanup(func() {
		_ = se.conn.Close()
		_ = se.far.Close()
	})
	return se
}

// new gives a new token each time.
func (se *session) new(context.Context) (auth.Credentials, error) {
	now := time.Now()
	return auth.Credentials{Username: "user", Password: fmt.Sprintf("token-%d-%s", se.tokens.Add(1), secret), IssuedAt: now, ExpiresAt: now.Add(se.life)}, nil
}

// down is a Source that fails.
var down = auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
	return auth.Credentials{}, errors.New("the source is down")
})

// ask makes the Conn ask source from now on.
func (se *session) ask(source auth.SourceFunc) {
	se.mu.Lock()
	defer se.mu.Unlock()
	se.source = source
}

// secret is in each token.
const secret = "SECRET"

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// newLoggedIn returns a session whose client has logged in by HELLO 3, and read the reply.
func newLoggedIn(t *testing.T, life time.Duration, arrange func(*session, *reauth.Config)) *session {
	se := newSession(t, life, arrange)
	creds, err := se.conn.Credentials(t.Context())
	require.NoError(t, err)
	se.send([]string{"HELLO", "3", "AUTH", "user", creds.Password})
	require.Contains(t, se.drain(), "+proto\r\n:3\r\n")
	return se
}

// send writes commands in one piece.
func (se *session) send(commands ...[]string) {
	var stream []byte
	for _, words := range commands {
		stream = wire.AppendCommand(stream, words...)
	}
	se.write(stream)
}

func (se *session) write(p []byte) {
	n, err := se.conn.Write(p)
	require.NoError(se.t, err)
	require.Equal(se.t, len(p), n)
}

// drain reads until nothing has come for a millisecond, or the connection has ended.
func (se *session) drain() string {
	all, _ := se.drainBy(4096)
	return all
}

// drainBy is drain with a buffer of that size; it also returns how reading ended.
func (se *session) drainBy(size int) (string, error) {
	var all []byte
	buf := make([]byte, size)
	for {
		require.NoError(se.t, ignoreClosed(se.conn.SetReadDeadline(time.Now().Add(time.Millisecond))))
		n, err := se.conn.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			_ = se.conn.SetReadDeadline(time.Time{})
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = nil
			}
			return string(all), err
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrClosed) || err != nil && strings.Contains(err.Error(), "closed") {
		return nil
	}
	return err
}

// untilDue waits until a token that was just accepted has been renewed or could have been.
func (se *session) untilDue() { time.Sleep(se.life - min(3*time.Minute, se.life*3/10)) }

// logged returns what was logged.
func (se *session) logged() string {
	se.mu.Lock()
	defer se.mu.Unlock()
	return se.log.String()
}

// told returns the events.
func (se *session) told() []reauth.Event {
	se.mu.Lock()
	defer se.mu.Unlock()
	return se.events
}
