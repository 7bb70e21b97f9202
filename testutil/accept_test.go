package testutil_test

import (
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// exhausted is a listener of a process that has no file to open for a while.
type exhausted struct {
	net.Listener
	calls int
}

func (l *exhausted) Accept() (net.Conn, error) {
	switch l.calls++; l.calls {
	case 1, 2:
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	case 3:
		return &net.TCPConn{}, nil
	}
	return nil, &net.OpError{Op: "accept", Err: net.ErrClosed}
}

func TestAListenerOutlivesAShortageOfFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, accepted, begun := &exhausted{}, 0, time.Now()
		testutil.AcceptAll(l, func(net.Conn) { accepted++ })
		require.Equal(t, 1, accepted)
		require.Equal(t, 4, l.calls)
		require.Equal(t, 20*time.Millisecond, time.Since(begun), "it does not spin")
	})
}
