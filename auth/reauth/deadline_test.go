package reauth_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/internal/wire"
)

// past is a deadline that has passed long ago.
var past = time.Unix(1, 0)

func TestADeadlineOfTheClientThatHasPassedStopsNoAuthAndStillHolds(t *testing.T) {
	for name, set := range map[string]func(*reauth.Conn) error{
		"SetDeadline":                     func(c *reauth.Conn) error { return c.SetDeadline(past) },
		"SetWriteDeadline":                func(c *reauth.Conn) error { return c.SetWriteDeadline(past) },
		"SetDeadline, which passes later": func(c *reauth.Conn) error { return c.SetDeadline(time.Now().Add(time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newLoggedIn(t, time.Hour, nil)
				before, _, _ := se.s.seen()
				require.NoError(t, set(se.conn))
				time.Sleep(3 * time.Hour)
				_, _, auths := se.s.seen()
				require.GreaterOrEqual(t, len(auths), 3)

				ping := wire.AppendCommand(nil, "PING")
				n, err := se.conn.Write(ping)
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Zero(t, n)
				require.NoError(t, se.conn.SetDeadline(time.Time{}))
				se.write(ping)
				require.Equal(t, "+PONG\r\n", se.drain())
				after, _, _ := se.s.seen()
				require.Equal(t, before+string(ping), after)
			})
		})
	}
}

// newStuck returns a session whose AUTH is under way to a server that reads no more.
func newStuck(t *testing.T) *session {
	se := newLoggedIn(t, time.Hour, nil)
	se.near.out.change(func() { se.near.out.room = 0 })
	time.Sleep(time.Hour - 2*time.Minute)
	se.ask(down)
	return se
}

func TestAWriteBehindAnAuthThatGetsNowhereHasItsOwnDeadline(t *testing.T) {
	for name, set := range map[string]func(*reauth.Conn) error{
		"SetDeadline":      func(c *reauth.Conn) error { return c.SetDeadline(past) },
		"SetWriteDeadline": func(c *reauth.Conn) error { return c.SetWriteDeadline(past) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newStuck(t)
				require.NoError(t, set(se.conn))
				synctest.Wait()
				_, err := se.conn.Write(wire.AppendCommand(nil, "PING"))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			})
		})
	}
}

func TestADeadlineThatIsSetWhileAWriteWaitsHoldsForIt(t *testing.T) {
	// In real time, since a bubble's stands still while a goroutine waits for a mutex.
	near, far := duplex()
	s := newServer(t, far)
	go s.serve()
	first := auth.Credentials{Username: "user", Password: "token-1", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Second)}
	second := auth.Credentials{Username: "user", Password: "token-2", ExpiresAt: time.Now().Add(time.Hour)}
	given := false
	conn := reauth.NewConn(near, reauth.Config{Source: auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		if given {
			return second, nil
		}
		given = true
		return first, nil
	})})
	creds, err := conn.Credentials(t.Context())
	require.NoError(t, err)
	stuck := make(chan struct{})
	_, err = conn.Write(wire.AppendCommand(nil, "AUTH", "user", creds.Password))
	require.NoError(t, err)
	var once sync.Once
	near.out.change(func() { near.out.room, near.out.full = 0, func() { once.Do(func() { close(stuck) }) } })
	reply := make([]byte, 5)
	_, err = io.ReadFull(conn, reply)
	require.NoError(t, err)
	<-stuck
	written := make(chan error)
	go func() {
		_, err := conn.Write(wire.AppendCommand(nil, "PING"))
		written <- err
	}()
	require.NoError(t, conn.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
	require.ErrorIs(t, <-written, os.ErrDeadlineExceeded)
	require.NoError(t, conn.Close())
	require.NoError(t, far.Close())
}

func TestAnAuthThatGetsNowhereIsGivenUpAndEndsWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newStuck(t)
		time.Sleep(2 * time.Hour)
		se.near.out.change(func() { se.near.out.room = -1 })
		for range 2 {
			n, err := se.conn.Write(wire.AppendCommand(nil, "PING"))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Zero(t, n)
		}
		_, err := se.far.Write([]byte(">1\r\n+still\r\n"))
		require.NoError(t, err)
		require.Equal(t, ">1\r\n+still\r\n", se.drain())
	})
}

func TestCloseEndsAnAuthThatGetsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newStuck(t)
		require.NoError(t, se.conn.Close())
		synctest.Wait()
		_, err := se.conn.Write(wire.AppendCommand(nil, "PING"))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = se.conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestAReadDeadlineHoldsWhileRepliesAreLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := backlog(t, func(answer) {})
		begun := time.Now()
		for i := range 3 {
			require.NoError(t, se.conn.SetReadDeadline(begun.Add(time.Duration(i)*time.Second)))
			n, err := se.conn.Read(make([]byte, 10))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Zero(t, n)
			require.Equal(t, time.Duration(i)*time.Second, time.Since(begun))
		}
	})
}

func TestAWriteThatIsCutShortInTheMiddleOfACommandClosesTheConnection(t *testing.T) {
	stream := wire.AppendCommand(wire.AppendCommand(nil, "PING"), "ECHO", "0123456789")
	between := len(wire.AppendCommand(nil, "PING"))
	for _, room := range []int{0, between, 20} {
		synctest.Test(t, func(t *testing.T) {
			se := newLoggedIn(t, time.Hour, nil)
			login, _, _ := se.s.seen()
			se.near.out.change(func() {
				se.near.out.room = room
				se.near.out.full = func() { se.near.out.room = 0 }
			})
			require.NoError(t, se.conn.SetWriteDeadline(time.Now().Add(time.Second)))
			n, err := se.conn.Write(stream)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, room, n)
			_ = se.conn.SetWriteDeadline(time.Time{})
			se.near.out.change(func() { se.near.out.room, se.near.out.full = -1, nil })
			if room != 0 && room != between {
				_, err = se.conn.Write(stream[n:])
				require.Error(t, err)
				return
			}
			se.untilDue()
			se.write(stream[n:])
			require.Equal(t, "+PONG\r\n$10\r\n0123456789\r\n", se.drain())
			client, _, auths := se.s.seen()
			require.Equal(t, login+string(stream), client)
			require.Len(t, auths, 1)
		})
	}
}

func TestAConnectionMayBeUsedConcurrently(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			se := newLoggedIn(t, time.Second, nil)
			var writers, others sync.WaitGroup
			for i := range 4 {
				writers.Go(func() {
					for j := range 200 {
						_, err := se.conn.Write(wire.AppendCommand(nil, "ECHO", fmt.Sprint(i, j)))
						require.NoError(t, err)
						if j%7 == 0 {
							time.Sleep(100 * time.Millisecond)
						}
					}
				})
			}
			others.Go(func() {
				for range 100 {
					_ = se.conn.SetDeadline(time.Now().Add(time.Minute))
					_ = se.conn.SetWriteDeadline(time.Now().Add(time.Hour))
					_ = se.conn.SetReadDeadline(time.Time{})
					time.Sleep(10 * time.Millisecond)
				}
			})
			var got []byte
			others.Go(func() {
				buf := make([]byte, 100)
				for {
					n, err := se.conn.Read(buf)
					if got = append(got, buf[:n]...); err != nil {
						return
					}
				}
			})
			writers.Wait()
			time.Sleep(time.Second)
			_, replies, auths := se.s.seen()
			for range 2 {
				others.Go(func() { _ = se.conn.Close() })
			}
			others.Wait()
			require.Equal(t, replies, "%1\r\n+proto\r\n:3\r\n"+string(got))
			require.Greater(t, len(auths), 3)
		})
	}
}
