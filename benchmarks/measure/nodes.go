package measure

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// NodesConfig says what [Clusters] measures. The zero value of each field is its default.
type NodesConfig struct {
	Masters    []int         // of each cluster; 1, 3 and 6
	Life       time.Duration // of a token, in whole seconds; 2 s
	Rounds     int           // in which both clients take a turn; 200
	Turn       time.Duration // 100 ms
	Goroutines int           // 32
}

// ShortNodes is what a test has the time for.
func ShortNodes() NodesConfig {
	return NodesConfig{Masters: []int{1, 3}, Life: time.Second, Rounds: 10, Turn: 200 * time.Millisecond, Goroutines: 4}
}

// Clusters measures what rueidisentra costs by the number of a cluster's masters. A client of ours on short-lived tokens and a
// plain one on a token that lasts take turns with GETs of keys of all nodes. Both go over TLS and through the gateways that enforce expiry,
// which run in this process and share its cores.
func Clusters(ctx context.Context, cfg NodesConfig, progress func(done float64)) ([]Nodes, error) {
	cfg = cfg.withDefaults()
	var all []Nodes
	for i, masters := range cfg.Masters {
		n, err := cfg.cluster(ctx, masters, func(done float64) { progress((float64(i) + done) / float64(len(cfg.Masters))) })
		if err != nil {
			return nil, fmt.Errorf("measure: a cluster of %d: %w", masters, err)
		}
		all = append(all, n)
	}
	return all, nil
}

func (cfg NodesConfig) withDefaults() NodesConfig {
	if len(cfg.Masters) == 0 {
		cfg.Masters = []int{1, 3, 6}
	}
	if cfg.Life <= 0 {
		cfg.Life = 2 * time.Second
	}
	if cfg.Rounds <= 0 {
		cfg.Rounds = 200
	}
	if cfg.Turn <= 0 {
		cfg.Turn = 100 * time.Millisecond
	}
	if cfg.Goroutines <= 0 {
		cfg.Goroutines = 32
	}
	return cfg
}

// cluster measures one cluster.
func (cfg NodesConfig) cluster(ctx context.Context, masters int, progress func(done float64)) (n Nodes, err error) {
	entra, err := testutil.StartEntra(nil)
	if err != nil {
		return n, err
	}
	defer entra.Close()
	cluster, err := testutil.StartRedisCluster(entra, &testutil.RedisClusterOptions{Masters: masters, Replicas: -1})
	if err != nil {
		return n, err
	}
	defer cluster.Close()
	option := cluster.ClientOption()
	option.TLSConfig.ServerName = "localhost"

	lasting, err := clusterSource(ctx, entra, 24*time.Hour)
	if err != nil {
		return n, err
	}
	defer lasting.Close()
	creds, err := lasting.Credentials(ctx)
	if err != nil {
		return n, err
	}
	source, err := clusterSource(ctx, entra, cfg.Life)
	if err != nil {
		return n, err
	}
	defer source.Close()
	ours, err := rueidisentra.NewClient(option, source, nil)
	if err != nil {
		return n, err
	}
	defer ours.Close()
	if err := fill(ctx, ours); err != nil {
		return n, err
	}
	if _, err := cfg.turn(ctx, ours); err != nil {
		return n, err
	}
	n = Nodes{Nodes: masters, Connections: cluster.Stats().Open}

	option.Username, option.Password = creds.Username, creds.Password
	plain, err := rueidis.NewClient(option)
	if err != nil {
		return n, err
	}
	defer plain.Close()
	if _, err := cfg.turn(ctx, plain); err != nil {
		return n, err
	}
	return n, cfg.compare(ctx, &n, [2]rueidis.Client{plain, ours}, func() (auths, tokens int) {
		return cluster.Stats().Auths, len(entra.Issued())
	}, progress)
}

// compare lets both clients take their turns, and notes in n how ours does.
func (cfg NodesConfig) compare(ctx context.Context, n *Nodes, clients [2]rueidis.Client, count func() (auths, tokens int), progress func(done float64)) error {
	auths, tokens := count()
	for round := range cfg.Rounds {
		var rates [2]float64
		for i := range clients {
			i = (i + round) % 2
			rate, err := cfg.turn(ctx, clients[i])
			if err != nil {
				return err
			}
			rates[i] = rate
		}
		n.Ratios = append(n.Ratios, rates[1]/rates[0])
		progress(float64(round+1) / float64(cfg.Rounds))
	}
	moreAuths, moreTokens := count()
	if moreTokens-tokens < 2 {
		return errors.New("the token was not renewed twice meanwhile: there have to be more rounds, or longer turns")
	}
	n.Auths = float64(moreAuths-auths) / float64(moreTokens-tokens)
	return nil
}

// clusterSource returns a source of tokens that live for so long, like all that are issued from now on.
func clusterSource(ctx context.Context, entra *testutil.Entra, life time.Duration) (*auth.TokenSource, error) {
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	if err != nil {
		return nil, err
	}
	entra.SetLifetime(life)
	return auth.NewTokenSource(ctx, cred, nil)
}

// spreadKeys is how many keys there are, which fall on all nodes alike.
const spreadKeys = 1024

func fill(ctx context.Context, c rueidis.Client) error {
	var cmds rueidis.Commands
	for i := range spreadKeys {
		cmds = append(cmds, c.B().Set().Key(strconv.Itoa(i)).Value("0123456789abcdef").Build())
	}
	for _, r := range c.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

// turn returns how many GETs a second c does.
func (cfg NodesConfig) turn(ctx context.Context, c rueidis.Client) (perSecond float64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var gets atomic.Int64
	begun := time.Now()
	for g := range cfg.Goroutines {
		wg.Go(func() {
			n := 0
			for ; ctx.Err() == nil && time.Since(begun) < cfg.Turn; n++ {
				key := strconv.Itoa((g*31 + n) % spreadKeys)
				if err := c.Do(ctx, c.B().Get().Key(key).Build()).Error(); err != nil {
					cancel(err)
				}
			}
			gets.Add(int64(n))
		})
	}
	wg.Wait()
	return float64(gets.Load()) / time.Since(begun).Seconds(), context.Cause(ctx)
}
