package reauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/internal/wire"
)

// TestTheClientAndTheServerSeeWhatTheySeeWithoutAConn plays random clients and servers. What the client
// reads must be what the server sent but for its replies to the Conn, and what the server sees but for
// the Conn's commands what the client wrote. The server's replies depend on the client's commands alone,
// so both are as on a plain connection.
func TestTheClientAndTheServerSeeWhatTheySeeWithoutAConn(t *testing.T) {
	streams := 2000
	if testing.Short() || underRace() {
		streams = 200
	}
	var auths, bytes int
	for seed := range streams {
		r := rand.New(rand.NewPCG(uint64(seed), 20))
		data := make([]byte, 100+r.IntN(900))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		a, b := play(t, data)
		auths, bytes = auths+a, bytes+b
		if t.Failed() {
			t.Fatalf("stream %d", seed)
		}
	}
	t.Logf("%d streams, %d AUTHs, %d bytes of the client and the server", streams, auths, bytes)
	require.Greater(t, auths, 4*streams)
}

// underRace reports whether the race detector is on, with which this takes fifteen times as long.
func underRace() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func FuzzConn(f *testing.F) {
	for seed := range 8 {
		r := rand.New(rand.NewPCG(uint64(seed), 21))
		data := make([]byte, 30<<min(seed, 4))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) { play(t, data) })
}

// choices make what happens a function of bytes; behind their end each choice is 0.
type choices struct{ data []byte }

// n returns a number below n.
func (c *choices) n(n int) int {
	if len(c.data) == 0 || n < 2 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	if n > 256 {
		return (b<<8 + c.n(256)) % n
	}
	return b % n
}

// of returns one of all.
func of[T any](c *choices, all ...T) T { return all[c.n(len(all))] }

// deal gives each goroutine its own choices.
func deal(data []byte, n int) []*choices {
	all := make([]*choices, n)
	for i := range all {
		all[i] = &choices{}
	}
	for i, b := range data {
		all[i%n].data = append(all[i%n].data, b)
	}
	return all
}

// imitations are beginnings of what the Conn looks for, and some whole ones with another nonce.
var imitations = []string{
	"-ERR Syntax error in HELLO option 'redisentra:", "-ERR Syntax error in HELLO option 'redisentra:ABCDEFGHIJKLMNOPQRSTUVWXYZ'\r\n",
	"$37\r\nredisentra:", "$37\r\nredisentra:ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n", "-", "-E", "--ERR Syntax error in HELLO", "$", "$3", "$$37\r\n", "\r\n", "+OK\r\n", ">0\r\n", "redisentra:",
}

// play plays a client, a Conn and a server, and returns how many AUTHs the Conn sent, and how many bytes
// the two ends. data is what they do.
func play(t *testing.T, data []byte) (auths, size int) {
	synctest.Test(t, func(t *testing.T) {
		who := deal(data, 7)
		near, far := duplex()
		s := newServer(t, far)
		s.arrange(who[0])
		life := of(who[1], 2*time.Second, time.Second, 10*time.Second, time.Minute, time.Hour)
		near.segment = func(_, have int) int { return 1 + who[6].n(of(who[6], have, 1, 3, 20)) + have/100 }
		far.segment = func(_, have int) int { return 1 + who[5].n(have) }

		conn := reauth.NewConn(near, reauth.Config{Source: source(who[1], life)})
		creds, err := conn.Credentials(t.Context())
		require.NoError(t, err)
		stream := clientStream(who[4], s, creds.Password)
		go s.serve()
		var got []byte
		var wg sync.WaitGroup
		wg.Go(func() { got = readAll(t, conn, who[2], life) })

		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+who[3].n(of(who[3], 200, 2, 20, 1000, 60_000, 1)))
			m, err := conn.Write(rest[:n])
			require.NoError(t, err)
			require.Equal(t, n, m)
			rest = rest[n:]
			time.Sleep(life / 8 * time.Duration(who[3].n(of(who[3], 1, 2, 12))))
		}
		time.Sleep(6 * life)
		_ = far.Close()
		wg.Wait()
		_ = conn.Close()

		client, replies, sent := s.seen()
		require.Equal(t, string(stream), client)
		require.Equal(t, replies, string(got))
		auths, size = len(sent), len(stream)+len(got)
	})
	return auths, size
}

// source returns a Source whose tokens live for life. Each answer is another one, but for some errors
// and repetitions.
func source(c *choices, life time.Duration) auth.Source {
	var mu sync.Mutex
	var last auth.Credentials
	tokens := 0
	return auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		mu.Lock()
		defer mu.Unlock()
		what := c.n(10)
		switch {
		case tokens > 0 && what == 1:
			return auth.Credentials{}, errors.New("the source is down")
		case what == 2 && last.ValidAt(time.Now()):
			return last, nil
		}
		tokens++
		now := time.Now()
		last = auth.Credentials{Username: "user", Password: fmt.Sprintf("token-%d", tokens), IssuedAt: now, ExpiresAt: now.Add(life)}
		return last, nil
	})
}

// arrange makes c decide how s behaves.
func (s *server) arrange(c *choices) {
	s.helloNames, s.anonymous, s.noDiscard = c.n(4) > 0, c.n(2) > 0, c.n(5) == 1
	s.push = func() string {
		switch c.n(8) {
		case 1:
			return ">2\r\n+message\r\n" + bulk(of(c, imitations...))
		case 2:
			return ">2\r\n$10\r\ninvalidate\r\n*1\r\n" + bulk(strings.Repeat("k", c.n(5000)))
		case 3:
			return ">1\r\n+a\r\n>1\r\n+b\r\n"
		}
		return ""
	}
	accepts := s.refuse
	s.refuse = func(user, password string) string {
		if s.in && s.nonces == 0 && c.n(6) == 1 {
			return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
		}
		return accepts(user, password)
	}
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// clientStream returns what a client sends that logs in with token.
func clientStream(c *choices, s *server, token string) []byte {
	var stream []byte
	send := func(words ...string) { stream = wire.AppendCommand(stream, words...) }
	for range of(c, 0, 0, 1, 3) {
		send("PING")
	}
	for range of(c, 0, 0, 0, 1, 2) {
		send(of(c, []string{"HELLO", "3", "AUTH", "user", "wrong"}, []string{"AUTH", "user", "wrong"}, []string{"AUTH", "wrong"})...)
	}
	switch c.n(5) {
	case 0:
		send("HELLO", "3", "AUTH", "user", token, "SETNAME", "n")
	case 1:
		send("AUTH", "user", token)
		send("HELLO", "3")
	case 2:
		send("HELLO", "2", "AUTH", "user", token)
	case 3:
		send("AUTH", "user", token)
	case 4: // at once, as if it would not wait for replies
		send("HELLO", "3", "AUTH", "user", token)
		send("AUTH", "user", token)
	}
	for range 3 + c.n(40) {
		switch c.n(20) {
		default:
			send("ECHO", of(c, imitations...))
		case 0:
			send("PING")
		case 1, 2:
			send("RAW", bulk(strings.Repeat("x", c.n(300))+of(c, imitations...)))
		case 3:
			send("RAW", of(c, "-ERR Syntax error in HELLO option 'redisentra:x'\r\n", "-ERR\r\n", "_\r\n", ":1\r\n", "*-1\r\n", "$-1\r\n", "$0\r\n\r\n", "*2\r\n-a\r\n$1\r\n-\r\n", "%1\r\n+a\r\n~1\r\n#t\r\n"))
		case 4:
			send("BIG", strconv.Itoa(of(c, 10, 1000, 4096, 70_000, 20, 200)+c.n(3)))
		case 5, 6:
			send(of(c, []string{"MULTI"}, []string{"MULTI"}, []string{"MULTI", "x"})...)
		case 7, 8:
			send(of(c, []string{"EXEC"}, []string{"EXEC", "x"}, []string{"DISCARD"}, []string{"DISCARD", "x"})...)
		case 9:
			send("CLIENT", "CACHING", "YES")
		case 10:
			send("CLIENT", "ID")
		case 11:
			send("ASKING")
		case 12:
			send("HELLO", of(c, "3", "2"), of(c, "redisentra:", "redisentra:ABCDEFGHIJKLMNOPQRSTUVWXY", "bogus"))
		case 13:
			send(of(c, []string{"HELLO", "3"}, []string{"HELLO", "2"}, []string{"HELLO"}, []string{"HELLO", "3", "SETNAME", "n"})...)
		case 14:
			send("AUTH", "user", token+of(c, "", "-new"))
		case 15:
			send("SET", "k", strings.Repeat("v", c.n(3000)))
		case 16:
			if c.n(3) == 1 {
				send("SUBSCRIBE", of(c, "channel", "-ERR"))
			}
		case 17:
			send("PING", of(c, imitations...))
		}
	}
	if c.n(8) != 1 {
		send("EXEC")
		send("PING")
	}
	return stream
}

// readAll reads until the connection ends, in pieces of any size, with pauses and read deadlines.
func readAll(t *testing.T, conn *reauth.Conn, c *choices, life time.Duration) (all []byte) {
	buf := make([]byte, 100_000)
	for {
		if len(all) > 300 { // The Conn learns of the login by Read.
			time.Sleep(life / 4 * time.Duration(c.n(of(c, 1, 1, 1, 1, 1, 12))))
		}
		if c.n(4) == 1 {
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(life/8*time.Duration(c.n(3)))))
		}
		n, err := conn.Read(buf[:1+c.n(of(c, len(buf), 1, 30, 4096))+len(all)/1000])
		all = append(all, buf[:n]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = conn.SetReadDeadline(time.Time{})
		case err == io.EOF:
			return all
		case err != nil:
			t.Errorf("Read: %v", err)
			return all
		}
	}
}
