package reauth_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/internal/wire"
)

// TestAuthComesAtTheFirstPlaceWhereItMay lets a client pause at each byte of what it writes until a token
// is due.
func TestAuthComesAtTheFirstPlaceWhereItMay(t *testing.T) {
	var stream []byte
	for _, words := range [][]string{
		{"PING"},
		{"ECHO", "*1\r\n$4\r\nPING\r\n"},
		{"MULTI"},
		{"SET", "k", ""},
		{"DISCARD", "x"},
		{"EXEC"},
		{"MULTI", "x"},
		{"MULTI"},
		{"EXEC", "x"},
		{"CLIENT", "CACHING", "YES"},
		{"CLIENT", "ID"},
		{"GET", "k"},
		{"CLIENT", "CACHING", "YES"},
		{"MULTI"},
		{"GET", "k"},
		{"EXEC"},
		{"ASKING"},
		{"GET", "k"},
		{"SUBSCRIBE", "channel"},
		{"HELLO", "3", "bogus"},
		{"PING", "end"},
	} {
		stream = wire.AppendCommand(stream, words...)
	}
	for pause := range len(stream) + 1 {
		synctest.Test(t, func(t *testing.T) {
			se := newLoggedIn(t, time.Hour, nil)
			login, _, _ := se.s.seen()
			_, before, _ := se.s.seen()
			se.write(stream[:pause])
			se.untilDue()
			got := se.drain()
			se.write(stream[pause:])
			got += se.drain()

			client, replies, auths := se.s.seen()
			require.Equal(t, login+string(stream), client)
			require.Equal(t, replies, before+got)
			want := 0
			for _, want = range se.s.free {
				if want >= len(login)+pause {
					break
				}
			}
			require.Len(t, auths, 1)
			require.Equal(t, want, auths[0].behind, "paused at %d", pause)
			require.Equal(t, "user", auths[0].user)
			require.Len(t, se.told(), 1)
			require.NoError(t, se.told()[0].Err)
		})
	}
}

// backlog makes a session whose client has not read what came since its login: replies and pushes that look like
// what the Conn cuts out, and what it does cut out, twice.
func backlog(t *testing.T, divert func(answer)) *session {
	se := newLoggedIn(t, time.Hour, nil)
	i := 0
	se.s.mu.Lock()
	se.s.push = func() string {
		i++
		return ">2\r\n+message\r\n" + bulk(imitations[i%len(imitations)])
	}
	se.s.divert = divert
	se.s.mu.Unlock()
	for range 2 {
		for _, imitation := range imitations[:4] {
			se.send([]string{"RAW", bulk(imitation)})
		}
		se.send([]string{"RAW", "-ERR Syntax error in HELLO option 'redisentra:ABC'\r\n"}, []string{"HELLO", "3", "redisentra:ABCDEFGHIJKLMNOPQRSTUVWXY"})
		se.untilDue()
	}
	se.send([]string{"ECHO", "--"}, []string{"RAW", bulk("-ERR Syn")})
	synctest.Wait()
	return se
}

func TestNoSplitOfWhatIsReadMakesADifference(t *testing.T) {
	check := func(t *testing.T, size int, segment func(at, have int) int) (length int) {
		synctest.Test(t, func(t *testing.T) {
			se := backlog(t, nil)
			_, replies, auths := se.s.seen()
			require.Len(t, auths, 2)
			begin := se.near.in.read
			se.near.segment = func(at, have int) int { return segment(at-begin, have) }
			got, err := se.drainBy(size)
			require.NoError(t, err)
			require.Equal(t, replies[len(replies)-len(got):], got)
			require.Equal(t, "%1\r\n+proto\r\n:3\r\n", replies[:len(replies)-len(got)])
			require.Len(t, se.told(), 2)
			length = se.near.in.read - begin
		})
		return length
	}
	length := check(t, 1<<20, func(_, have int) int { return have })
	for cut := 1; cut < length; cut++ {
		check(t, 1<<20, func(at, have int) int {
			if at < cut {
				return cut - at
			}
			return have
		})
	}
	for size := 1; size < 100; size++ {
		check(t, size, func(_, have int) int { return have })
		check(t, 4096, func(_, _ int) int { return size })
		check(t, size, func(_, _ int) int { return 1 + size/2 })
	}
}

// TestAPauseAndAnEndAnywhereInWhatComes lets the server pause at each byte while the client's read deadline passes; and
// lets it close the connection there.
func TestAPauseAndAnEndAnywhereInWhatComes(t *testing.T) {
	step := 1
	if underRace() {
		step = 7
	}
	for _, ends := range []bool{false, true} {
		for cut, more := 0, true; more; cut += step {
			synctest.Test(t, func(t *testing.T) {
				var all, whole, beginning string
				left := cut
				se := backlog(t, func(a answer) {
					// beginning is what the client has to get of the first cut bytes. Only a marker whose end does not come is its.
					now := a.pushes[:min(left, len(a.pushes))]
					left -= len(now)
					beginning += now
					now = a.reply[:min(left, len(a.reply))]
					left -= len(now)
					isMarker := a.own && strings.HasPrefix(a.reply, "-ERR Syntax")
					if !a.own || isMarker && len(now) < len(a.reply) {
						beginning += now
					}
					all += a.pushes + a.reply
					if whole += a.pushes; !a.own {
						whole += a.reply
					}
				})
				more = cut < len(all)
				cut := min(cut, len(all))
				_, err := se.far.Write([]byte(all[:cut]))
				require.NoError(t, err)
				if ends {
					require.NoError(t, se.far.Close())
					got, err := se.drainBy(1 + cut%50)
					require.Equal(t, beginning, got)
					require.Equal(t, io.EOF, err)
					return
				}
				got := se.drain()
				_, err = se.far.Write([]byte(all[cut:]))
				require.NoError(t, err)
				require.Equal(t, whole, got+se.drain())
			})
		}
	}
}

func TestNobodyReadsForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newLoggedIn(t, time.Hour, nil)
		se.send([]string{"PING"}, []string{"BIG", "70000"})
		for hour := range 100 {
			time.Sleep(time.Hour)
			se.send([]string{"ECHO", fmt.Sprint(hour)})
		}
		synctest.Wait()
		_, replies, auths := se.s.seen()
		require.Greater(t, len(auths), 100)
		require.Empty(t, se.told())
		require.Equal(t, replies, "%1\r\n+proto\r\n:3\r\n"+se.drain())
		require.Len(t, se.told(), len(auths))
		last := ""
		for i, e := range se.told() {
			require.NoError(t, e.Err)
			require.Positive(t, e.Took)
			require.Equal(t, se.near.RemoteAddr(), e.Addr)
			require.Equal(t, time.Hour, e.ExpiresAt.Sub(auths[i].at))
			require.NotEqual(t, last, auths[i].password)
			last = auths[i].password
		}
	})
}

func TestPushesAndRepliesMayBeOfAnySize(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 64 << 10, 300_000} {
		for _, buffer := range []int{7, 512, 1 << 20} {
			synctest.Test(t, func(t *testing.T) {
				se := newLoggedIn(t, time.Hour, nil)
				se.s.mu.Lock()
				se.s.push = func() string { return ">2\r\n+message\r\n" + bulk(strings.Repeat("$", size)) }
				se.s.mu.Unlock()
				se.send([]string{"BIG", fmt.Sprint(size)})
				se.untilDue()
				se.send([]string{"PING"})
				synctest.Wait()
				_, replies, auths := se.s.seen()
				require.Len(t, auths, 1)
				got, err := se.drainBy(buffer)
				require.NoError(t, err)
				require.True(t, replies == "%1\r\n+proto\r\n:3\r\n"+got)
				require.Len(t, se.told(), 1)
			})
		}
	}
}

func TestAReplyToAuthThatIsNoReplyEndsReading(t *testing.T) {
	for name, reply := range map[string]string{"not RESP": "OK\r\n", "too long": "$1000000\r\n" + strings.Repeat("x", 1_000_000)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newLoggedIn(t, time.Hour, func(se *session, _ *reauth.Config) {
					refuse := se.s.refuse
					se.s.refuse = func(user, password string) string {
						if se.s.own > probing {
							return reply
						}
						return refuse(user, password)
					}
				})
				se.untilDue()
				se.send([]string{"PING"})
				for range 3 {
					got, err := se.drainBy(100)
					require.ErrorContains(t, err, "reauth: the reply to an AUTH")
					require.Empty(t, got)
				}
			})
		})
	}
}
