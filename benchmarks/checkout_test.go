package benchmarks_test

import (
	"context"
	"testing"

	"github.com/jackc/puddle/v2"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
)

// nothing is a connection that costs nothing.
type nothing struct{}

func (*nothing) Auth(context.Context, string, string) error { return nil }
func (*nothing) Close() error                               { return nil }

// BenchmarkCheckout compares Acquire and Release of our pool with those of the pool that is in it.
func BenchmarkCheckout(b *testing.B) {
	ctx := context.Background()
	inner, err := puddle.NewPool(&puddle.Config[*nothing]{
		Constructor: func(context.Context) (*nothing, error) { return &nothing{}, nil },
		Destructor:  func(*nothing) {},
		MaxSize:     16,
	})
	require.NoError(b, err)
	defer inner.Close()
	ours, err := pool.New(pool.Config[*nothing]{
		Dial:    func(context.Context) (*nothing, error) { return &nothing{}, nil },
		Source:  lasting,
		MaxSize: 16,
	})
	require.NoError(b, err)
	defer ours.Close()
	const n = 20_000
	compare(b, 1,
		variant{"puddle", n, func() error {
			r, err := inner.Acquire(ctx)
			if err == nil {
				r.Release()
			}
			return err
		}},
		variant{"pool", n, func() error {
			l, err := ours.Acquire(ctx)
			if err == nil {
				l.Release()
			}
			return err
		}},
	)
}

var lasting = auth.Static("default", "password")
