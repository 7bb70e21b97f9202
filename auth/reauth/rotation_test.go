package reauth_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
)

func TestAuthIsSentInTheWindowBeforeExpiry(t *testing.T) {
	const margin = 5*time.Minute - time.Second
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			se := newLoggedIn(t, time.Hour, nil)
			time.Sleep(time.Hour)
			_, _, auths := se.s.seen()
			require.Len(t, auths, 1)
			before := begun.Add(time.Hour).Sub(auths[0].at)
			require.LessOrEqual(t, before, margin*8/10+time.Millisecond)
			require.GreaterOrEqual(t, before, margin*62/100-time.Millisecond)
		})
	}
}

func TestManyConnectionsSpreadTheirAuths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connections, life = 1000, time.Second
		begun := time.Now()
		token := func(generation int) auth.Credentials {
			issued := begun.Add(time.Duration(generation) * life / 2)
			return auth.Credentials{Username: "user", Password: fmt.Sprintf("token-%d", generation), IssuedAt: issued, ExpiresAt: issued.Add(life)}
		}
		cfg := reauth.Config{Source: auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
			return token(int(time.Since(begun) / (life / 2))), nil
		})}
		wrap := reauth.Wrap(cfg)
		var servers []*server
		for range connections {
			near, far := duplex()
			s := newServer(t, far)
			go s.serve()
			se := &session{t: t, conn: wrap(near), near: near}
			creds, err := se.conn.Credentials(t.Context())
			require.NoError(t, err)
			se.send([]string{"AUTH", "user", creds.Password})
			require.NoError(t, se.conn.SetReadDeadline(time.Now().Add(time.Microsecond))) // the moments of login are the same
			buf := make([]byte, 100)
			n, err := se.conn.Read(buf)
			require.NoError(t, err)
			require.Equal(t, "+OK\r\n", string(buf[:n]))
			servers = append(servers, s)
			t.Cleanup(func() { _ = se.conn.Close() })
		}
		time.Sleep(time.Until(begun.Add(life)))
		var at []time.Duration
		for _, s := range servers {
			_, _, auths := s.seen()
			require.Len(t, auths, 1)
			at = append(at, auths[0].at.Sub(begun))
		}
		slices.Sort(at)
		const margin = life / 2
		require.Less(t, at[len(at)-1], life-margin*6/10)
		window := margin * 18 / 100
		mean := float64(connections) * float64(10*time.Millisecond) / float64(window)
		most := 0
		for i := range at {
			n := 0
			for n = i; n < len(at) && at[n] < at[i]+10*time.Millisecond; n++ {
			}
			most = max(most, n-i)
		}
		t.Logf("at most %d in 10 ms, %.0f on average, the last %v before expiry", most, mean, life-at[len(at)-1])
		require.LessOrEqual(t, float64(most), 4*mean+3)
	})
}

func TestARefusedTokenKeepsTheSessionAndIsTriedAgain(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Second, time.Minute, time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var accepts atomic.Bool
				se := newLoggedIn(t, life, func(se *session, _ *reauth.Config) {
					se.s.refuse = func(_, password string) string {
						if !accepts.Load() && se.s.own > probing {
							return "-WRONGPASS invalid username-password pair: " + password + " \r\n"
						}
						return ""
					}
				})
				begun := time.Now()
				go func() {
					buf := make([]byte, 100)
					for {
						if n, err := se.conn.Read(buf); err != nil || n > 0 {
							return
						}
					}
				}()
				time.Sleep(life - time.Millisecond)
				accepts.Store(true)
				_, _, auths := se.s.seen()
				require.GreaterOrEqual(t, len(auths), 3)
				for i, a := range auths {
					n := 0
					for n = i; n < len(auths) && auths[n].at.Before(a.at.Add(time.Second)); n++ {
					}
					require.LessOrEqual(t, n-i, 5+1, "in a second")
				}
				if life == time.Hour {
					require.LessOrEqual(t, auths[1].at.Sub(auths[0].at), 2*time.Second)
					require.Greater(t, auths[5].at.Sub(auths[4].at), 3*auths[1].at.Sub(auths[0].at), "growing")
				}
				require.Less(t, begun.Add(life).Sub(auths[len(auths)-1].at), life/8+time.Millisecond, "to the last, of pauses of an eighth at most")
				require.Len(t, se.told(), len(auths))
				for _, e := range se.told() {
					require.ErrorContains(t, e.Err, "WRONGPASS")
					require.Equal(t, se.near.RemoteAddr(), e.Addr)
				}
				time.Sleep(time.Second)
				told := se.told()
				require.NoError(t, told[len(told)-1].Err, "and on, once the server accepts it")
				for _, text := range []string{se.logged(), fmt.Sprintf("%v %+v %#v", told, told, told), fmt.Sprintf("%v %+v", se.conn, se.conn)} {
					require.NotContains(t, text, secret)
				}
			})
		})
	}
}

func TestNoAuthIsSentWithoutANewerToken(t *testing.T) {
	for name, bad := range map[string]func(ctx context.Context, last auth.Credentials) (auth.Credentials, error){
		"fails":              func(ctx context.Context, _ auth.Credentials) (auth.Credentials, error) { return down(ctx) },
		"repeats itself":     func(_ context.Context, last auth.Credentials) (auth.Credentials, error) { return last, nil },
		"gives an empty one": func(context.Context, auth.Credentials) (auth.Credentials, error) { return auth.Credentials{}, nil },
		"gives an expired one": func(context.Context, auth.Credentials) (auth.Credentials, error) {
			return auth.Credentials{Username: "user", Password: "token-old", ExpiresAt: time.Now()}, nil
		},
		"hangs until its ctx ends": func(ctx context.Context, _ auth.Credentials) (auth.Credentials, error) {
			<-ctx.Done()
			return auth.Credentials{}, ctx.Err()
		},
		"hangs for long": func(context.Context, auth.Credentials) (auth.Credentials, error) {
			time.Sleep(2 * time.Minute)
			return auth.Credentials{}, errors.New("at last")
		},
		"is slow and repeats itself": func(_ context.Context, last auth.Credentials) (auth.Credentials, error) {
			time.Sleep(5 * time.Second)
			return last, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var last auth.Credentials
				var asked atomic.Int64
				se := newLoggedIn(t, time.Hour, func(se *session, _ *reauth.Config) {
					se.source = auth.SourceFunc(func(ctx context.Context) (c auth.Credentials, err error) {
						last, err = se.new(ctx)
						return last, err
					})
				})
				se.ask(func(ctx context.Context) (auth.Credentials, error) {
					asked.Add(1)
					return bad(ctx, last)
				})
				time.Sleep(time.Until(last.ExpiresAt.Add(-30 * time.Second)))
				_, _, auths := se.s.seen()
				require.Empty(t, auths)
				require.Greater(t, asked.Load(), int64(2))
				require.Less(t, asked.Load(), int64(40), "no busy loop")
				se.send([]string{"PING"})
				require.Equal(t, "+PONG\r\n", se.drain())
				se.ask(se.new)
				time.Sleep(25 * time.Second)
				_, _, auths = se.s.seen()
				if name != "hangs for long" { // whose answer is still waited for
					require.Len(t, auths, 1, "in time, once there is one")
				}
				_ = se.conn.Close()
				time.Sleep(time.Hour) // until all calls have returned
			})
		})
	}
}

func TestATokenWithoutEndIsNeverSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		se := newLoggedIn(t, time.Hour, func(se *session, _ *reauth.Config) {
			se.source = auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
				asked.Add(1)
				return auth.Credentials{Username: "user", Password: "token-of-ever"}, nil
			})
		})
		time.Sleep(1000 * time.Hour)
		_, _, auths := se.s.seen()
		require.Empty(t, auths)
		require.EqualValues(t, 1, asked.Load())
		require.Empty(t, se.logged())
	})
}

func TestNothingIsSentBehindClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newLoggedIn(t, time.Hour, nil)
		tokens := se.tokens.Load()
		require.NoError(t, se.conn.Close())
		time.Sleep(10 * time.Hour)
		require.Equal(t, tokens, se.tokens.Load())
		require.Empty(t, se.told())
	})
}

func TestCloseEndsAllQuestionsToTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newLoggedIn(t, time.Hour, nil)
		se.ask(func(ctx context.Context) (auth.Credentials, error) {
			<-ctx.Done()
			return auth.Credentials{}, ctx.Err()
		})
		time.Sleep(2 * time.Hour) // nothing valid is left to answer with
		for i := range 3 {
			se.send([]string{"AUTH", "user", fmt.Sprintf("token-of-the-client-%d", i)})
			time.Sleep(time.Millisecond)
		}
		require.NotZero(t, asking())
		require.NoError(t, se.conn.Close())
		synctest.Wait()
		require.Zero(t, asking())
		time.Sleep(time.Minute) // until the Source has returned
	})
}

// asking returns how many goroutines wait for the Source of a Conn.
func asking() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "reauth.(*Conn).rotate(")
}

func TestATokenThatExpiresWhileItWaitsForItsPlaceIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newLoggedIn(t, time.Hour, nil)
		se.send([]string{"MULTI"})
		time.Sleep(3 * time.Hour)
		se.send([]string{"EXEC"})
		require.Equal(t, "+OK\r\n*0\r\n", se.drain())
		time.Sleep(time.Minute)
		se.send([]string{"PING"})
		require.Equal(t, "+PONG\r\n", se.drain())
		_, _, auths := se.s.seen()
		require.Len(t, auths, 1)
		require.Len(t, se.told(), 1)
		require.Equal(t, time.Hour, se.told()[0].ExpiresAt.Sub(auths[0].at), "one that is new")
	})
}

func TestPausesAreShortAgainOnceATokenWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newLoggedIn(t, time.Hour, nil)
		for range 3 {
			var asked atomic.Int64
			begun := time.Now()
			var first atomic.Int64
			se.ask(func(ctx context.Context) (auth.Credentials, error) {
				if first.CompareAndSwap(0, int64(time.Since(begun))); time.Since(begun)-time.Duration(first.Load()) < 20*time.Second {
					asked.Add(1)
				}
				return down(ctx)
			})
			time.Sleep(58 * time.Minute)
			require.GreaterOrEqual(t, asked.Load(), int64(4), "in twenty seconds: 0, 1, 3, 7 and perhaps 15")
			se.ask(se.new)
			time.Sleep(time.Minute)
			se.drain()
		}
		require.Len(t, se.told(), 3)
	})
}

func TestATokenThatWasRefusedBehindACommandIsTriedAgainThoughNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var accepts atomic.Bool
		se := newLoggedIn(t, time.Hour, func(se *session, _ *reauth.Config) {
			se.s.refuse = func(string, string) string {
				if !accepts.Load() && se.s.own > probing {
					return "-WRONGPASS no\r\n"
				}
				return ""
			}
		})
		se.send([]string{"MULTI"})
		se.untilDue()
		se.send([]string{"EXEC"}) // the AUTH comes behind it
		require.Equal(t, "+OK\r\n*0\r\n", se.drain()[:9])
		accepts.Store(true)
		time.Sleep(time.Minute)
		_, _, auths := se.s.seen()
		require.GreaterOrEqual(t, len(auths), 2)
		require.NoError(t, se.told()[len(se.told())-1].Err)
	})
}

func TestATokenThatWasRefusedBehindMoreThanIsReadAheadIsSentOnceMore(t *testing.T) {
	for name, refused := range map[string]int{"refused once": 1, "accepted": 0, "refused twice": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newLoggedIn(t, time.Hour, func(se *session, _ *reauth.Config) {
					refuse := se.s.refuse
					se.s.refuse = func(user, password string) string {
						if len(se.s.auths) > 0 && len(se.s.auths) <= refused {
							return "-WRONGPASS no\r\n"
						}
						return refuse(user, password)
					}
				})
				expires := time.Now().Add(time.Hour)
				se.send([]string{"BIG", "70000"})
				time.Sleep(time.Until(expires))
				_, _, auths := se.s.seen()
				require.Len(t, auths, 2)
				require.Empty(t, se.told())
				require.Greater(t, expires.Sub(auths[1].at), time.Minute)
				require.Contains(t, se.logged(), "no reply")
				require.Equal(t, 1, strings.Count(se.logged(), "WARN"))

				require.Contains(t, se.drain(), "$70000\r\n")
				time.Sleep(10 * time.Second)
				events := se.told()
				for i, e := range events {
					require.Equal(t, i < refused, e.Err != nil)
				}
				require.Len(t, events, max(2, refused+1))
				time.Sleep(50 * time.Minute)
				require.Len(t, se.told(), len(events), "the next is due when the last one is about to expire")
				time.Sleep(10 * time.Minute)
				require.Len(t, se.told(), len(events)+1)
			})
		})
	}
}

func TestAPasswordWhoseLifeIsProlongedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newSession(t, time.Hour, nil)
		se.ask(func(context.Context) (auth.Credentials, error) {
			return auth.Credentials{Username: "user", Password: "token", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}, nil
		})
		creds, err := se.conn.Credentials(t.Context())
		require.NoError(t, err)
		se.send([]string{"HELLO", "3", "AUTH", "user", creds.Password})
		for range 5 {
			se.drain()
			time.Sleep(time.Hour)
		}
		_, _, auths := se.s.seen()
		require.InDelta(t, 5, len(auths), 1)
		for _, e := range se.told() {
			require.NoError(t, e.Err)
		}
	})
}
