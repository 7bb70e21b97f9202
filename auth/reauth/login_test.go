package reauth_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
)

// requireKept requires that the Conn has sent n AUTHs or more, each in time, and that the client, which
// has read what is given, has noticed nothing.
func (se *session) requireKept(n int, read string) {
	se.t.Helper()
	_, replies, auths := se.s.seen()
	require.Equal(se.t, replies, read)
	require.GreaterOrEqual(se.t, len(auths), n)
	for i, a := range auths[1:] {
		require.Less(se.t, a.at.Sub(auths[i].at), se.life)
	}
	require.Empty(se.t, se.logged())
}

func TestEveryKindOfLoginAndServerIsKeptAuthenticated(t *testing.T) {
	token := "token-1-" + secret
	for name, login := range map[string][][]string{
		"HELLO":                   {{"HELLO", "3", "AUTH", "user", token}},
		"HELLO with a name":       {{"HELLO", "3", "SETNAME", "n", "AUTH", "user", token}},
		"HELLO 2":                 {{"HELLO", "2", "AUTH", "user", token}},
		"AUTH":                    {{"AUTH", "user", token}},
		"AUTH, then HELLO":        {{"AUTH", "user", token}, {"HELLO", "3"}},
		"refused once":            {{"AUTH", "user", "wrong"}, {"HELLO", "3", "AUTH", "user", token}},
		"refused twice":           {{"HELLO", "3", "AUTH", "user", "wrong"}, {"AUTH", "wrong"}, {"AUTH", "user", token}},
		"twice":                   {{"HELLO", "3", "AUTH", "user", token}, {"AUTH", "user", token}},
		"behind other commands":   {{"PING"}, {"HELLO"}, {"CLIENT", "ID"}, {"AUTH", "user", token}},
		"both in one HELLO":       {{"HELLO", "3", "AUTH", "user", "wrong"}, {"HELLO", "3", "AUTH", "user", token}},
		"a syntax error at first": {{"HELLO", "3", "AUTH", "user"}, {"AUTH", "user", token, "x"}, {"AUTH", "user", token}},
	} {
		for server, arrange := range map[string]func(*server){
			"which names options":    func(*server) {},
			"which does not":         func(s *server) { s.helloNames = false },
			"which names nothing":    func(s *server) { s.helloNames, s.anonymous = false, true },
			"which has no HELLO":     func(s *server) { s.helloOld = true },
			"which has only options": func(s *server) { s.noPing = true },
		} {
			for _, atOnce := range []bool{false, true} {
				t.Run(name+" on a server "+server, func(t *testing.T) {
					login := login
					if last := login[len(login)-1]; server == "which has no HELLO" && last[0] == "HELLO" {
						login = append(login[:len(login):len(login)], []string{"AUTH", "user", token})
					}
					synctest.Test(t, func(t *testing.T) {
						se := newSession(t, time.Hour, func(se *session, _ *reauth.Config) { arrange(se.s) })
						_, err := se.conn.Credentials(t.Context())
						require.NoError(t, err)
						var got strings.Builder
						if atOnce {
							se.send(login...)
						} else {
							for _, words := range login {
								se.send(words)
								got.WriteString(se.drain())
							}
						}
						got.WriteString(se.drain())
						for range 10 {
							time.Sleep(time.Hour)
							se.send([]string{"PING"}, []string{"ECHO", "x"})
							got.WriteString(se.drain())
						}
						se.requireKept(10, got.String())
						for _, e := range se.told() {
							require.NoError(t, e.Err)
						}
					})
				})
			}
		}
	}
}

func TestAConnectionThatCannotBeMarkedEndsBetweenTwoCommandsBeforeItsToken(t *testing.T) {
	unmarked := func(se *session, _ *reauth.Config) { se.s.helloNames, se.s.anonymous, se.s.noPing = false, true, true }
	for name, midway := range map[string]bool{"idle": false, "in the middle of a command": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newLoggedIn(t, time.Hour, unmarked)
				begun := time.Now()
				if midway {
					se.write([]byte("*2\r\n$4\r\nECHO\r\n$1\r\n"))
				}
				time.Sleep(time.Hour - 20*time.Second)
				require.False(t, se.near.isClosed())
				time.Sleep(8 * time.Second)
				require.Equal(t, !midway, se.near.isClosed())
				if midway {
					se.write([]byte("x\r\n"))
					require.Equal(t, "$1\r\nx\r\n", se.drain())
					time.Sleep(11 * time.Second)
					require.True(t, se.near.isClosed())
				}
				require.Less(t, time.Since(begun), time.Hour)
				_, _, auths := se.s.seen()
				require.Empty(t, auths)
				require.Len(t, se.told(), 1)
				require.ErrorContains(t, se.told()[0].Err, "+ping")
				require.Equal(t, 1, strings.Count(se.logged(), "WARN"))
			})
		})
	}
}

func TestThatConnectionsCannotBeMarkedIsSaidOnceForAllThatShareAConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrap func(net.Conn) *reauth.Conn
		se := newSession(t, time.Hour, func(_ *session, cfg *reauth.Config) { wrap = reauth.Wrap(*cfg) })
		for range 5 {
			near, far := duplex()
			s := newServer(t, far)
			s.helloNames, s.anonymous, s.noPing = false, true, true
			go s.serve()
			se.conn = wrap(near)
			creds, err := se.conn.Credentials(t.Context())
			require.NoError(t, err)
			se.send([]string{"AUTH", "user", creds.Password})
			require.Equal(t, "+OK\r\n", se.drain())
		}
		time.Sleep(2 * time.Hour)
		require.Equal(t, 1, strings.Count(se.logged(), "WARN"))
		require.Len(t, se.told(), 5)
	})
}

func TestAConnectionIsLeftAloneWhereItCannotBeFollowed(t *testing.T) {
	for name, test := range map[string]struct {
		commands string
		because  string
	}{
		"MONITOR":      {"*1\r\n$7\r\nMONITOR\r\n", "MONITOR"},
		"CLIENT REPLY": {"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\n", "CLIENT REPLY"},
		"RESET":        {"*1\r\n$5\r\nRESET\r\n", "a command such as"},
		"QUIT":         {"*1\r\n$4\r\nQUIT\r\n", "a command such as"},
		"inline":       {"PING\r\n", "inline"},
		"other user":   {"*3\r\n$4\r\nAUTH\r\n$5\r\nother\r\n$5\r\ntoken\r\n", "another user"},
		"default user": {"*2\r\n$4\r\nAUTH\r\n$5\r\ntoken\r\n", "another user"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newLoggedIn(t, time.Hour, nil)
				se.send([]string{"PING"})
				se.untilDue() // and nobody reads
				se.write([]byte(test.commands))
				synctest.Wait()
				_, _, auths := se.s.seen()
				require.Len(t, auths, 1)
				time.Sleep(5 * time.Hour)
				se.write([]byte("*1\r\n$4\r\nPING\r\n"))
				synctest.Wait()
				_, replies, auths := se.s.seen()
				require.Len(t, auths, 1, "hands off")
				require.Equal(t, replies, "%1\r\n+proto\r\n:3\r\n"+se.drain(), "what was sent before is cut out")
				require.Equal(t, 1, strings.Count(se.logged(), "WARN"))
				require.Contains(t, se.logged(), "not kept authenticated")
				require.Contains(t, se.logged(), test.because)
			})
		})
	}
}

func TestALoginAsSomebodyElseIsLeftAlone(t *testing.T) {
	for name, password := range map[string]func(*session) string{
		"with another password": func(*session) string { return "token-of-somebody" },
		"with the password of the Source": func(se *session) string {
			creds, err := se.conn.Credentials(se.t.Context())
			require.NoError(se.t, err)
			return creds.Password
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newSession(t, time.Hour, nil)
				se.send([]string{"HELLO", "3", "AUTH", "somebody", password(se)})
				got := se.drain()
				time.Sleep(10 * time.Hour)
				se.send([]string{"PING"})
				_, _, auths := se.s.seen()
				require.Empty(t, auths)
				require.Equal(t, "%1\r\n+proto\r\n:3\r\n+PONG\r\n", got+se.drain())
				require.Contains(t, se.logged(), "not the Source's")
				require.Equal(t, 1, strings.Count(se.logged(), "WARN"))
			})
		})
	}
}

func TestALoginWithATokenThatTheSourceGaveSomebodyElseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newSession(t, time.Hour, nil)
		last, err := se.new(t.Context())
		require.NoError(t, err)
		creds := last
		se.ask(func(ctx context.Context) (auth.Credentials, error) {
			if time.Until(last.ExpiresAt) < 5*time.Minute { // as a TokenSource would
				last, _ = se.new(ctx)
			}
			return last, nil
		})
		se.send([]string{"AUTH", "user", creds.Password})
		var got strings.Builder
		for range 10 {
			got.WriteString(se.drain())
			time.Sleep(time.Hour)
			se.send([]string{"PING"})
		}
		se.requireKept(10, got.String()+se.drain())
	})
}

func TestALoginWhileTheSourceFailsIsKeptOnceItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		se := newSession(t, time.Hour, nil)
		se.ask(func(ctx context.Context) (auth.Credentials, error) {
			asked.Add(1)
			return down(ctx)
		})
		se.send([]string{"AUTH", "user", "token-0"})
		require.Equal(t, "+OK\r\n", se.drain())
		time.Sleep(time.Minute)
		require.NotZero(t, asked.Load())
		require.Less(t, asked.Load(), int64(30), "no busy loop")
		se.ask(se.new)
		time.Sleep(time.Hour)
		_, _, auths := se.s.seen()
		require.NotEmpty(t, auths)
	})
}

func TestAClientThatLogsInAnewWithAnOlderTokenIsKept(t *testing.T) {
	for name, login := range map[string][]string{
		"accepted": {"AUTH", "user", "token-old"},
		"HELLO":    {"HELLO", "3", "AUTH", "user", "token-old"},
		"refused":  {"AUTH", "user", "wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newSession(t, time.Hour, nil)
				old := auth.Credentials{Username: "user", Password: "token-old", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
				last := old
				se.ask(func(ctx context.Context) (auth.Credentials, error) {
					if time.Until(last.ExpiresAt) < 5*time.Minute { // as a TokenSource would
						last, _ = se.new(ctx)
					}
					return last, nil
				})
				_, err := se.conn.Credentials(t.Context())
				require.NoError(t, err)
				se.send([]string{"AUTH", "user", "token-old"})
				got := se.drain()
				time.Sleep(time.Until(old.ExpiresAt.Add(-2 * time.Minute)))
				_, _, auths := se.s.seen()
				require.Len(t, auths, 1)
				se.send(login, []string{"PING"})
				got += se.drain()
				time.Sleep(time.Until(old.ExpiresAt))
				_, _, auths = se.s.seen()
				require.Len(t, auths, 2)
				require.Equal(t, auths[0].password, auths[1].password, "the Source's")
				se.send([]string{"AUTH", "user", auths[1].password})
				got += se.drain()
				time.Sleep(time.Until(se.told()[1].ExpiresAt.Add(-5 * time.Minute)))
				_, _, auths = se.s.seen()
				require.Len(t, auths, 2, "what the server has is known")
				time.Sleep(5 * time.Minute)
				se.requireKept(3, got+se.drain())
			})
		})
	}
}

func TestAClientThatNeverLogsInIsLetBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newSession(t, time.Hour, nil)
		for range 50 {
			se.send([]string{"PING"}, []string{"HELLO", "3", "bogus"})
			time.Sleep(time.Hour)
		}
		got, err := se.drainBy(10)
		require.NoError(t, err)
		require.NoError(t, se.far.Close())
		client, replies, auths := se.s.seen()
		require.Equal(t, replies, got)
		require.Empty(t, auths)
		require.NotContains(t, client, "redisentra")
		require.Zero(t, se.s.own)
		_, err = se.conn.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
}

func TestAClientThatReadsNothingBehindItsLoginIsKept(t *testing.T) {
	for _, size := range []int{1, 5, 100} {
		synctest.Test(t, func(t *testing.T) {
			se := newSession(t, time.Hour, nil)
			se.near.segment = func(_, _ int) int { return 1 }
			creds, err := se.conn.Credentials(t.Context())
			require.NoError(t, err)
			se.send([]string{"AUTH", "user", creds.Password})
			reply := make([]byte, 5)
			for n := 0; n < len(reply); {
				m, err := se.conn.Read(reply[n:min(len(reply), n+size)])
				require.NoError(t, err)
				n += m
			}
			require.Equal(t, "+OK\r\n", string(reply))
			time.Sleep(5 * time.Hour)
			_, _, auths := se.s.seen()
			require.GreaterOrEqual(t, len(auths), 5)
		})
	}
}

func TestAServerThatAnswersALoginAndNothingElseIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := newSession(t, time.Hour, func(se *session, _ *reauth.Config) {
			se.s.divert = func(a answer) {
				if !a.own {
					_, _ = se.far.Write([]byte(a.reply))
				}
			}
		})
		se.send([]string{"AUTH", "user", "token"})
		require.Equal(t, "+OK\r\n", se.drain())
		se.send([]string{"AUTH", "user", "token"})
		require.NoError(t, se.far.Close())
		got, err := se.drainBy(100)
		require.Equal(t, io.EOF, err)
		require.Empty(t, got)
	})
}
