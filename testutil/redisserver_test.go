package testutil_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// redisServer is a real redis-server, which ends with the test.
type redisServer struct {
	socket string

	mu    sync.Mutex        // guards what follows
	users map[string]string // passwords, by name
	admin *client
}

// withTheTest becomes the program that its arguments name, which is killed once the
// standard input ends, be it because the test process was killed.
const withTheTest = `exec 3<&0; (read -r _ <&3; kill -9 $$) >/dev/null 2>&1 & exec "$0" "$@" </dev/null 3<&-`

// startRedisServer starts redis-server. Without one in PATH the test is skipped, but
// fails where CI says that there must be one.
func startRedisServer(t *testing.T) *redisServer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not in PATH, and CI must not skip what needs it")
		}
		t.Skip("SKIPPED: redis-server is not in PATH; install it (apt-get install redis-server) to test with a real server")
	}
	dir, err := os.MkdirTemp("", "redis-") // t.TempDir's names are too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	password := rand.Text()
	s := &redisServer{socket: filepath.Join(dir, "s"), users: map[string]string{}}
	cmd := exec.Command("sh", "-c", withTheTest, path, "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", "--requirepass", password)
	cmd.Dir = dir
	log, err := cmd.StdoutPipe()
	require.NoError(t, err)
	life, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = life.Close()
		_ = cmd.Wait()
	})
	var lines []string
	ready := make(chan bool)
	go func() {
		scan := bufio.NewScanner(log)
		for scan.Scan() {
			if lines = append(lines, scan.Text()); strings.Contains(scan.Text(), "ready to accept connections") {
				ready <- true
				for scan.Scan() { // it must not block on a full pipe
				}
				return
			}
		}
		close(ready)
	}()
	if !<-ready {
		t.Fatalf("redis-server ended: %s", strings.Join(lines, "\n"))
	}
	s.admin = connect(t, s.dial)
	require.Equal(t, "+OK\r\n", s.admin.do("AUTH", password))
	return s
}

func (s *redisServer) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", s.socket)
}

// user returns the password of the user of that name, which it makes the first time.
func (s *redisServer) user(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[name] == "" {
		s.users[name] = rand.Text()
		s.admin.do("ACL", "SETUSER", name, "on", ">"+s.users[name], "~*", "&*", "+@all")
	}
	return s.users[name]
}

// startGateway puts a gateway before s that takes the tokens of e. A token in lives counts
// for that time from its login on; any other one until it expires.
func (s *redisServer) startGateway(t *testing.T, e fakeEntra, lives *sync.Map) *testutil.Gateway {
	t.Helper()
	g, err := testutil.StartGateway(testutil.GatewayOptions{
		Dial: s.dial,
		Login: func(username, token string) (testutil.Login, error) {
			oid, expires, err := e.Verify(token)
			if err != nil || oid != username {
				return testutil.Login{}, os.ErrPermission
			}
			if life, ok := lives.Load(token); ok {
				expires = time.Now().Add(life.(time.Duration))
			}
			return testutil.Login{Username: oid, Password: s.user(oid), ExpiresAt: expires}, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g
}
