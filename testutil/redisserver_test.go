package testutil_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

func TestARedisServerTakesTokensOfItsPrincipalsOnly(t *testing.T) {
	t.Parallel()
	e, foreign := borrowEntra(t), borrowEntra(t)
	s := testutil.NewRedisServer(t, e.Entra, &testutil.RedisServerOptions{Plaintext: true})
	require.Nil(t, s.TLSConfig())
	p, stranger := e.NewPrincipal(), foreign.NewPrincipal()
	token := newToken(t, e, p)
	c := connect(t, s.Dial)
	requirePrefix(t, noauth, c.do("PING"))
	c.login(p.ObjectID, token)
	require.Equal(t, "$36\r\n"+p.ObjectID+"\r\n", c.do("ACL", "WHOAMI"))
	requirePrefix(t, wrongpass, connect(t, s.Dial).do("AUTH", stranger.ObjectID, newToken(t, foreign, stranger)))
	s.Revoke(p)
	requirePrefix(t, wrongpass, connect(t, s.Dial).do("AUTH", p.ObjectID, token))
	require.Equal(t, ok, c.do("SET", "k", "v"))
	s.Assign(p)
	s.SetRefusing(true)
	requirePrefix(t, wrongpass, c.do("AUTH", p.ObjectID, token))
	s.SetRefusing(false)
	c.login(p.ObjectID, token)
	require.Equal(t, testutil.GatewayStats{Opened: 3, Open: 3, Auths: 2, Refused: 3}, s.Stats())
}

func TestRueidisReachesARedisServerOverTLSAndCaches(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	s := testutil.NewRedisServer(t, e.Entra, nil)
	p := e.NewPrincipal()
	option := s.ClientOption()
	require.Equal(t, []string{s.Addr()}, option.InitAddress)
	option.Username, option.Password = p.ObjectID, newToken(t, e, p)
	c := newRueidis(t, option)
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key("k").Value("v").Build()).Error())
	for _, cached := range []bool{false, true} {
		got := c.DoCache(t.Context(), c.B().Get().Key("k").Cache(), time.Minute)
		require.NoError(t, got.Error())
		require.Equal(t, cached, got.IsCacheHit())
	}
	_, err := (&tls.Dialer{}).DialContext(t.Context(), "tcp", s.Addr())
	require.ErrorContains(t, err, "unknown authority")
}

func TestPrincipalsMayDoWhatACLSays(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	s := testutil.NewRedisServer(t, e.Entra, &testutil.RedisServerOptions{Plaintext: true, ACL: []string{"~mine:*", "+get", "+set"}})
	p := e.NewPrincipal()
	c := connect(t, s.Dial)
	c.login(p.ObjectID, newToken(t, e, p))
	require.Equal(t, ok, c.do("SET", "mine:k", "v"))
	requirePrefix(t, "-NOPERM", c.do("SET", "k", "v"))
	requirePrefix(t, "-NOPERM", c.do("PING"))
	admin := newRueidis(t, s.AdminOption())
	require.NoError(t, admin.Do(t.Context(), admin.B().AclSetuser().Username(p.ObjectID).Rule("allkeys").Build()).Error())
	require.Equal(t, ok, c.do("SET", "k", "v"))
	denied, err := admin.Do(t.Context(), admin.B().Arbitrary("ACL", "LOG").Build()).ToArray()
	require.NoError(t, err)
	require.Len(t, denied, 2)
}

func TestAKilledServerKeepsWhatIsInItsAppendOnlyFile(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	s := testutil.NewRedisServer(t, e.Entra, &testutil.RedisServerOptions{
		Plaintext: true, Args: []string{"--appendonly", "yes", "--appendfsync", "always"},
	})
	p := e.NewPrincipal()
	token := newToken(t, e, p)
	for n := range 3 {
		c := connect(t, s.Dial)
		c.login(p.ObjectID, token)
		require.Equal(t, fmt.Sprintf(":%d\r\n", n+1), c.do("INCR", "k"))
		if n == 0 {
			require.NoError(t, s.Kill())
			connect(t, s.Dial).requireClosed()
			require.NoError(t, s.Kill(), "there is nothing left to do")
		}
		require.NoError(t, s.Restart())
		c.requireClosed()
	}
}

func TestKillTellsOfAServerThatHadEnded(t *testing.T) {
	t.Parallel()
	s := testutil.NewRedisServer(t, borrowEntra(t).Entra, nil)
	admin := s.AdminOption()
	c := connect(t, func(ctx context.Context) (net.Conn, error) { return admin.DialCtxFn(ctx, "", nil, nil) })
	require.Equal(t, ok, c.do("AUTH", admin.Password))
	c.send("SHUTDOWN", "NOSAVE")
	requireGone(t, admin.InitAddress[0])
	require.ErrorContains(t, s.Kill(), "bye bye")
	require.NoError(t, s.Restart())
	require.NoError(t, s.Restart())
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	testutil.NewRedisServer(t, borrowEntra(t).Entra, nil) // or skip
	_, err := testutil.StartRedisServer(borrowEntra(t).Entra, &testutil.RedisServerOptions{Args: []string{"--nonsense", "1"}})
	require.ErrorContains(t, err, "Bad directive")
}

func TestStartRedisServerWantsAnEntra(t *testing.T) {
	t.Parallel()
	_, err := testutil.StartRedisServer(nil, nil)
	require.ErrorContains(t, err, "needs an Entra")
}

func TestCloseLeavesNothingOfARedisServer(t *testing.T) {
	e := newEntra(t, false)
	testutil.NewRedisServer(t, e.Entra, nil) // or skip
	s, err := testutil.StartRedisServer(e.Entra, nil)
	require.NoError(t, err)
	socket := s.AdminOption().InitAddress[0]
	require.NotEmpty(t, processesOf(t, socket))
	s.Close()
	s.Close()
	requireGone(t, socket)
	require.NoDirExists(t, strings.TrimSuffix(socket, "/s"))
	_, err = net.Dial("tcp", s.Addr())
	require.Error(t, err)
	requireNoGoroutineIn(t, "testutil.(*gatewayConn).")
}

// processesOf returns the processes that have word among their arguments, be they the server or its shell.
func processesOf(t *testing.T, word string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "args=").Output()
	require.NoError(t, err)
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return found
}

// requireGone waits until there is no process with word among its arguments.
func requireGone(t *testing.T, word string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(processesOf(t, word)) == 0 }, 10*time.Second, 10*time.Millisecond)
}

// verdict is a TB that notes how its test ended.
type verdict struct{ *testing.T }

func (v verdict) Fatalf(format string, args ...any) { panic("failed: " + fmt.Sprintf(format, args...)) }

func (v verdict) Skipf(format string, args ...any) { panic("skipped: " + fmt.Sprintf(format, args...)) }

func TestWithoutRedisServerTestsAreSkippedButFailInCI(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	e := newEntra(t, false)
	_, err := testutil.StartRedisServer(e.Entra, nil)
	require.ErrorIs(t, err, testutil.ErrNoRedisServer)
	for ci, want := range map[string]string{"": "skipped: SKIPPED: ", "true": "failed: "} {
		t.Setenv("CI", ci)
		require.PanicsWithValue(t, want+err.Error(), func() { testutil.NewRedisServer(verdict{t}, e.Entra, nil) })
	}
	t.Setenv("CI", "")
	require.PanicsWithValue(t, "failed: "+err.Error(), func() {
		testutil.NewRedisServer(struct{ testutil.TB }{verdict{t}}, e.Entra, nil)
	}, "who cannot skip fails")
	require.Contains(t, err.Error(), "apt-get install redis-server")
}

// newRueidis returns a client that is closed when the test ends.
func newRueidis(t *testing.T, option rueidis.ClientOption) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(option)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestServersDieWithTheirProcess(t *testing.T) {
	if os.Getenv("REDISENTRA_TEST_VICTIM") != "" {
		s := testutil.NewRedisServer(t, newEntra(t, false).Entra, nil)
		fmt.Println("victim", s.AdminOption().InitAddress[0])
		<-t.Context().Done() // it is killed
	}
	t.Parallel()
	testutil.NewRedisServer(t, borrowEntra(t).Entra, nil) // or skip
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestServersDieWithTheirProcess$")
	cmd.Env = append(os.Environ(), "REDISENTRA_TEST_VICTIM=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var socket string
	_, err = fmt.Fscanf(out, "victim %s\n", &socket)
	require.NoError(t, err)
	require.NotEmpty(t, processesOf(t, socket))
	kill()
	require.Error(t, cmd.Wait())
	requireGone(t, socket)
	require.NoDirExists(t, strings.TrimSuffix(socket, "/s"))
}
