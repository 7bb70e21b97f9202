//go:build unix

package rueidisentra_test

import (
	"crypto/tls"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

func TestDisableTCPNoDelayIsHonoured(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedis(t, entra, nil)
	source := tokenSource(t, entra)
	for _, disable := range []bool{false, true} {
		option := redis.ClientOption()
		option.DisableTCPNoDelay = disable
		o, err := rueidisentra.Configure(option, source, nil)
		require.NoError(t, err)
		conn, err := o.DialCtxFn(t.Context(), redis.Addr(), &o.Dialer, o.TLSConfig)
		require.NoError(t, err)
		defer conn.Close()
		over := conn.(interface{ NetConn() net.Conn }).NetConn().(*tls.Conn)
		raw, err := over.NetConn().(*net.TCPConn).SyscallConn()
		require.NoError(t, err)
		var noDelay int
		var failed error
		require.NoError(t, raw.Control(func(fd uintptr) {
			noDelay, failed = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		}))
		require.NoError(t, failed)
		require.Equal(t, disable, noDelay == 0)
	}
}
