package measure

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
)

// openSoon is open, tried again where a token has expired meanwhile.
func openSoon(ctx context.Context, s *Stage, c contenders.Client, n int) (err error) {
	for range 10 {
		if err = open(ctx, s, c, n); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// open makes c have n connections open at once on which commands block, and lets them go.
func open(ctx context.Context, s *Stage, c contenders.Client, n int) error {
	if err := s.admin.Do(ctx, s.admin.B().Del().Key("warm").Build()).Error(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	var all sync.WaitGroup
	defer func() {
		cancel() // which ends those to which nothing is pushed
		all.Wait()
	}()
	errs := make(chan error, n)
	for range n {
		all.Go(func() {
			if _, err := c.Pop(ctx, "warm", patience); err != nil {
				errs <- err
			}
		})
	}
	blocked := 0
	for len(errs) == 0 && blocked < n && ctx.Err() == nil {
		info, err := s.admin.Do(ctx, s.admin.B().Info().Section("clients").Build()).ToString()
		if err != nil {
			return err
		}
		blocked = number(info, "blocked_clients:")
		<-time.After(2 * time.Millisecond)
	}
	for range n { // which ends them all
		if err := s.admin.Do(context.WithoutCancel(ctx), s.admin.B().Rpush().Key("warm").Element("item").Build()).Error(); err != nil {
			return err
		}
	}
	all.Wait()
	select {
	case err := <-errs:
		return fmt.Errorf("cannot open %d connections: %w", n, err)
	default:
		return ctx.Err()
	}
}

// number returns the figure behind name in what INFO says.
func number(info, name string) int {
	_, rest, _ := strings.Cut(info, name)
	figure, _, _ := strings.Cut(rest, "\r\n")
	n, _ := strconv.Atoi(figure)
	return n
}
