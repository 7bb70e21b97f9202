package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// demoFlags are the flags of the demo.
type demoFlags struct {
	lifetime  time.Duration
	rotations int
	clients   int
	reauth    string
}

// parseDemo reads args and tells stderr what is wrong with them.
func parseDemo(args []string, stderr io.Writer) (demoFlags, error) {
	var f demoFlags
	flags := flag.NewFlagSet("redisentra demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&f.lifetime, "lifetime", 4*time.Second, "how long tokens live, in whole seconds")
	flags.IntVar(&f.rotations, "rotations", 5, "tokens to outlive before the demo ends")
	flags.IntVar(&f.clients, "clients", 2, "rueidis clients, each with its own connections")
	flags.StringVar(&f.reauth, "reauth", "instream", "instream: every connection logs in anew in time; native: only shared ones, by rueidis' own timer; none: as without redisentra")
	if err := flags.Parse(args); err != nil {
		return f, err
	}
	err := f.check(flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "redisentra demo: %v\n", err)
	}
	return f, err
}

func (f demoFlags) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case f.lifetime < time.Second || f.lifetime > time.Hour || f.lifetime%time.Second != 0:
		return fmt.Errorf("--lifetime %v: use whole seconds from 1s to 1h, such as 4s", f.lifetime)
	case f.rotations < 1 || f.rotations > 100_000:
		return fmt.Errorf("--rotations %d: use 1 to 100000", f.rotations)
	case f.clients < 1 || f.clients > 100:
		return fmt.Errorf("--clients %d: use 1 to 100", f.clients)
	case f.reauth != "instream" && f.reauth != "native" && f.reauth != "none":
		return fmt.Errorf("--reauth %q: use instream, native or none", f.reauth)
	}
	return nil
}

// demo runs the demo and returns the exit code.
func demo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parseDemo(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	s := &stage{flags: f}
	defer s.close()
	if err := s.set(ctx); err != nil {
		if ctx.Err() != nil { // Ctrl-C before there was anything to see
			fmt.Fprintln(stdout, progress{})
			return exitOK
		}
		fmt.Fprintf(stderr, "redisentra demo: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "Fake Entra ID at %s, whose tokens live %v.\n", s.entra.URL, f.lifetime)
	fmt.Fprintf(stdout, "Redis (miniredis, TLS) at %s, which closes connections whose token has expired.\n", s.redis.Addr())
	fmt.Fprintf(stdout, "Clients: %d of rueidis, azidentity's ClientSecretCredential, re-authentication: %s.\n\n", f.clients, f.reauth)

	// A rotation takes at most a token's life; anything beyond is a failure, too.
	ctx, cancel := context.WithTimeout(ctx, time.Duration(f.rotations+2)*f.lifetime+10*time.Second)
	defer cancel()
	l := startLoad(s.clients)
	s.show(ctx, newScreen(stdout), l)
	l.stop()

	p := s.progress(l)
	for _, line := range l.failures() {
		fmt.Fprintf(stdout, "failed: %s\n", line)
	}
	if p.stuck = errors.Is(ctx.Err(), context.DeadlineExceeded); p.stuck {
		fmt.Fprintf(stdout, "failed: only %d of %d rotations came in time\n", p.rotations, f.rotations)
	}
	fmt.Fprintln(stdout, p)
	if !p.ok() {
		return exitFailed
	}
	return exitOK
}

// stage is the world of the demo: Entra ID, Redis, and clients between them.
type stage struct {
	flags   demoFlags
	entra   *testutil.Entra
	redis   *testutil.Redis
	source  *auth.TokenSource
	clients []rueidis.Client
	warm    int // connections opened in the warm-up

	mu      sync.Mutex
	expires []time.Time // of the tokens so far; the last one is held
}

// set starts everything and uses each client until it has all its connections.
func (s *stage) set(ctx context.Context) (err error) {
	if s.entra, err = testutil.StartEntra(nil); err != nil {
		return err
	}
	s.entra.SetLifetime(s.flags.lifetime)
	if s.redis, err = testutil.StartRedis(s.entra, nil); err != nil {
		return err
	}
	cred, err := s.entra.ClientSecret(s.entra.NewPrincipal())
	if err != nil {
		return err
	}
	if s.source, err = auth.NewTokenSource(ctx, cred, &auth.Options{OnRefresh: s.renewed}); err != nil {
		return err
	}
	for range s.flags.clients {
		client, err := s.newClient()
		if err != nil {
			return err
		}
		s.clients = append(s.clients, client)
		for range 200 { // rueidis opens its connections as chance needs them
			if err := client.Do(ctx, client.B().Set().Key("demo").Value("warm").Build()).Error(); err != nil {
				return err
			}
		}
		for range dedicated {
			c, release := client.Dedicate()
			defer release() // not before all are open
			if err := c.Do(ctx, c.B().Get().Key("demo").Build()).Error(); err != nil {
				return err
			}
		}
	}
	s.warm = s.redis.Stats().Opened
	return nil
}

func (s *stage) newClient() (rueidis.Client, error) {
	option := s.redis.ClientOption()
	switch s.flags.reauth {
	case "instream":
		return rueidisentra.NewClient(option, s.source, nil)
	case "native":
		return rueidisentra.NewClient(option, s.source, &rueidisentra.Options{Reauth: rueidisentra.Native})
	}
	// What a team writes without redisentra: each new connection gets the newest token.
	option.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
		c, err := s.source.Credentials(context.Background())
		return rueidis.AuthCredentials{Username: c.Username, Password: c.Password}, err
	}
	return rueidis.NewClient(option)
}

func (s *stage) renewed(e auth.RefreshEvent) {
	if e.New {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.expires = append(s.expires, e.ExpiresAt)
	}
}

// close stops what set started, even if that did not get far.
func (s *stage) close() {
	for _, c := range s.clients {
		c.Close()
	}
	if s.source != nil {
		_ = s.source.Close()
	}
	if s.redis != nil {
		s.redis.Close()
	}
	if s.entra != nil {
		s.entra.Close()
	}
}

// progress is what the screen shows and the last line sums up.
type progress struct {
	commands, failed      int64
	reconnects, rotations int
	remaining             time.Duration // life left of the held token
	stuck                 bool          // rotations did not come in time
}

func (p progress) ok() bool { return p.failed == 0 && p.reconnects == 0 && !p.stuck }

// String is the demo's last line.
func (p progress) String() string {
	verdict := "FAILED"
	if p.ok() {
		verdict = "ok"
	}
	return fmt.Sprintf("demo: %s commands=%d failed=%d reconnects=%d rotations=%d", verdict, p.commands, p.failed, p.reconnects, p.rotations)
}

func (s *stage) progress(l *load) progress {
	p := progress{commands: l.commands.Load(), failed: l.failed.Load(), reconnects: s.redis.Stats().Opened - s.warm}
	s.mu.Lock()
	defer s.mu.Unlock()
	held := len(s.expires) - 1
	p.remaining = time.Until(s.expires[held])
	for _, at := range s.expires[:held] {
		if time.Now().After(at) { // a rotation is done when the old token is of no more use
			p.rotations++
		}
	}
	p.rotations = min(p.rotations, s.flags.rotations)
	return p
}

// show draws the progress until all rotations are done, or ctx ends.
func (s *stage) show(ctx context.Context, screen *screen, l *load) {
	tick := time.NewTicker(screen.every)
	defer tick.Stop()
	begun, before := time.Now(), progress{}
	for {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		p := s.progress(l)
		screen.draw(s.flags, p, time.Since(begun), float64(p.commands-before.commands)/screen.every.Seconds())
		before = p
		if ctx.Err() != nil || p.rotations >= s.flags.rotations {
			screen.end()
			return
		}
	}
}
