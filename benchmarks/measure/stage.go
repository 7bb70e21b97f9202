package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/testutil"
)

// lasting is how long tokens live that must not end in a run.
const lasting = 24 * time.Hour

// Stage is where contenders meet: a fake Entra ID, and a redis-server behind a gateway that enforces expiry. All of it but
// the redis-server runs in this process.
type Stage struct {
	entra  *testutil.Entra
	server *testutil.RedisServer
	admin  rueidis.Client // past the gateway
	tls    bool
}

// NewStage starts a Stage; call its Close. The error is [testutil.ErrNoRedisServer] if there is none.
func NewStage(tls bool) (s *Stage, err error) {
	s = &Stage{tls: tls}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.entra, err = testutil.StartEntra(nil); err != nil {
		return nil, err
	}
	if s.server, err = testutil.StartRedisServer(s.entra, &testutil.RedisServerOptions{Plaintext: !tls}); err != nil {
		return nil, err
	}
	s.admin, err = rueidis.NewClient(s.server.AdminOption())
	return s, err
}

// Close stops everything.
func (s *Stage) Close() {
	if s.admin != nil {
		s.admin.Close()
	}
	if s.server != nil {
		s.server.Close()
	}
	if s.entra != nil {
		s.entra.Close()
	}
}

// clear forgets what is stored.
func (s *Stage) clear(ctx context.Context) error {
	return s.admin.Do(ctx, s.admin.B().Flushall().Build()).Error()
}

// behindGateway returns a target for c behind the gateway, with tokens that live that long.
func (s *Stage) behindGateway(ctx context.Context, c contenders.Contender, life time.Duration) (*actor, error) {
	if c.Lasting {
		life = lasting
	}
	s.entra.SetLifetime(life)
	principal := s.entra.NewPrincipal()
	cred, err := s.entra.ClientSecret(principal)
	if err != nil {
		return nil, err
	}
	a := &actor{contender: c, objectID: principal.ObjectID, stage: s, told: map[int]func(){}}
	a.target = contenders.Target{
		Network: "tcp", Addr: s.server.Addr(), TLSConfig: s.server.TLSConfig(),
		Username: principal.ObjectID, Credential: cred, OnRotation: a.onRotation,
	}
	if s.tls {
		a.target.TLSConfig.ServerName = "localhost"
	}
	if c.AsksItself {
		return a, nil
	}
	a.source, err = auth.NewTokenSource(ctx, cred, &auth.Options{OnRefresh: func(e auth.RefreshEvent) {
		if e.New {
			a.rotated()
		}
	}})
	if err != nil {
		return nil, a.failed(err)
	}
	a.target.Source = a.source
	return a, nil
}

// atSocket returns a target for c at the server's own socket, with nothing in between that runs in this process.
func (s *Stage) atSocket(c contenders.Contender) *actor {
	o := s.server.AdminOption()
	now := time.Now()
	creds := auth.Credentials{Username: "default", Password: o.Password, IssuedAt: now, ExpiresAt: now.Add(lasting)}
	return &actor{contender: c, stage: s, target: contenders.Target{
		Network: "unix", Addr: o.InitAddress[0], Username: creds.Username,
		Source: auth.SourceFunc(func(context.Context) (auth.Credentials, error) { return creds, nil }),
	}}
}

// actor is a contender on the stage.
type actor struct {
	contender contenders.Contender
	objectID  string
	stage     *Stage
	target    contenders.Target
	source    *auth.TokenSource // nil: none of its own
	client    contenders.Client // nil: not connected

	mu   sync.Mutex // guards what follows
	next int
	told map[int]func() // of rotations
}

// connect makes the client.
func (a *actor) connect(ctx context.Context) (err error) {
	if a.client, err = a.contender.New(ctx, a.target); err != nil {
		a.close()
		return a.failed(err)
	}
	return nil
}

// failed says whose error this is.
func (a *actor) failed(err error) error {
	return fmt.Errorf("measure: %s: %w", a.contender.Name, err)
}

// disconnect closes the client, and gives up one that hangs.
func (a *actor) disconnect() {
	if a.client != nil {
		_ = within(patience, a.client.Close)
		a.client = nil
	}
}

// close ends what a has.
func (a *actor) close() {
	a.disconnect()
	if a.source != nil {
		_ = a.source.Close()
	}
}

func (a *actor) onRotation(f func()) (unsubscribe func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.next
	a.next++
	a.told[id] = f
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.told, id)
	}
}

// rotated tells all that want to know.
func (a *actor) rotated() {
	a.mu.Lock()
	var all []func()
	for _, f := range a.told {
		all = append(all, f)
	}
	a.mu.Unlock()
	for _, f := range all {
		f()
	}
}

// issued returns the tokens that a has got so far.
func (a *actor) issued() (tokens []testutil.Issued) {
	for _, i := range a.stage.entra.Issued() {
		if i.ObjectID == a.objectID {
			tokens = append(tokens, i)
		}
	}
	return tokens
}

// patience bounds what should take no time.
const patience = 30 * time.Second

var errHangs = errors.New("hangs: its commands do not end with their context, nor after their timeout")

// within calls f, and gives it up if it takes longer.
func within(d time.Duration, f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return nil
	case <-time.After(d):
		return errHangs
	}
}
