package testutil

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redisentra/redisentra/internal/wire"
)

// ErrNoRedisServer says that there is no real Redis on this machine.
var ErrNoRedisServer = errors.New("redis-server is not in PATH (apt-get install redis-server, brew install redis)")

// patience bounds what a server on loopback may take that works.
const patience = time.Minute

// process is a redis-server that ends with this process, and listens on a Unix socket in
// a directory of its own. start and kill must not be called at the same time.
type process struct {
	path, dir, password string

	life  *os.File    // keeps it alive; nil: not started, or killed
	ended chan string // how it ended, once it has
}

// withThisProcess becomes the program that its second argument and those behind it name. That
// is killed once the standard input says so, or ends because this process has, and then
// the directory that the first argument names is removed, too. A program that is gone
// must not be killed: its number may be another one's by then.
const withThisProcess = `exec 3<&0; dir=$0
(read -r word <&3; [ "$word" = gone ] || kill -9 $$; [ "$word" ] || rm -rf "$dir") >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-`

// newProcess prepares a redis-server; call its remove.
func newProcess() (*process, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("testutil: %w", ErrNoRedisServer)
	}
	dir, err := os.MkdirTemp("", "redis-") // short, as the name of a socket must be
	if err != nil {
		return nil, fmt.Errorf("testutil: %w", err)
	}
	return &process{path: path, dir: dir, password: rand.Text()}, nil
}

func (p *process) file(name string) string { return filepath.Join(p.dir, name) }

// start returns once the server has loaded its data and takes commands.
func (p *process) start(args ...string) error {
	log, err := os.Create(p.file("log"))
	if err != nil {
		return fmt.Errorf("testutil: %w", err)
	}
	defer log.Close()
	cmd := exec.Command("sh", append([]string{
		"-c", withThisProcess, p.dir, p.path, "--port", "0", "--unixsocket", p.file("s"), "--requirepass", p.password,
		"--save", "", "--appendonly", "no",
	}, args...)...)
	stdin, life, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("testutil: %w", err)
	}
	defer stdin.Close()
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.dir, stdin, log, log
	if err := cmd.Start(); err != nil {
		_ = life.Close()
		return fmt.Errorf("testutil: redis-server: %w", err)
	}
	ended := make(chan string, 1)
	p.life, p.ended = life, ended
	go func() { // which kill joins
		_ = cmd.Wait()
		_, _ = io.WriteString(life, "gone\n")
		_ = life.Close()
		ended <- cmd.ProcessState.String()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, err := p.do(ctx, "PING")
		if err == nil {
			return nil
		}
		select {
		case how := <-ended:
			ended <- how
			if err := p.kill(); err != nil {
				return err
			}
			return errors.New("testutil: redis-server was killed as it started")
		case <-ctx.Done():
			_ = p.kill()
			return fmt.Errorf("testutil: redis-server does not answer: %w", err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// kill kills the server if it runs, and waits for its end. The error says that it had
// ended before.
func (p *process) kill() error {
	if p.life == nil {
		return nil
	}
	_, _ = io.WriteString(p.life, "kill\n")
	how := <-p.ended
	p.life = nil
	if how == "signal: killed" {
		return nil
	}
	log, _ := os.ReadFile(p.file("log"))
	return fmt.Errorf("testutil: redis-server has ended, %s: %s", how, log[max(0, len(log)-2000):])
}

// remove kills the server and removes its data.
func (p *process) remove() {
	_ = p.kill()
	_ = os.RemoveAll(p.dir)
}

func (p *process) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", p.file("s"))
}

// do sends one command as the server's default user and returns the reply, a string's
// without its length; other kinds of replies as they are.
func (p *process) do(ctx context.Context, args ...string) (string, error) {
	conn, err := p.dial(ctx)
	if err != nil {
		return "", fmt.Errorf("testutil: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err = conn.Write(wire.AppendCommand(wire.AppendCommand(nil, "AUTH", p.password), args...)); err != nil {
		return "", fmt.Errorf("testutil: %w", err)
	}
	r := bufio.NewReader(conn)
	var reply []byte
	for range 2 { // the first is AUTH's
		if reply, err = wire.AppendReply(reply[:0], r); err != nil {
			return "", fmt.Errorf("testutil: %w", err)
		}
		if reply[0] == '-' {
			return "", fmt.Errorf("testutil: redis-server says: %s", bytes.TrimSpace(reply[1:]))
		}
	}
	if reply[0] == '$' {
		_, reply, _ = bytes.Cut(reply, []byte("\n"))
	}
	return string(bytes.TrimSuffix(reply, []byte("\r\n"))), nil
}
