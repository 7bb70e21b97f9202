package pool_test

import (
	"context"
	"testing"

	"github.com/jackc/puddle/v2"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
)

type idle struct{}

func (*idle) Auth(context.Context, string, string) error { return nil }
func (*idle) Close() error                               { return nil }

func BenchmarkAcquire(b *testing.B) {
	ctx := context.Background()
	b.Run("pool=puddle", func(b *testing.B) {
		p, _ := puddle.NewPool(&puddle.Config[*idle]{Constructor: func(context.Context) (*idle, error) { return &idle{}, nil }, Destructor: func(*idle) {}, MaxSize: 8})
		b.ReportAllocs()
		for b.Loop() {
			r, err := p.Acquire(ctx)
			if err != nil {
				b.Fatal(err)
			}
			r.Release()
		}
	})
	b.Run("pool=ours", func(b *testing.B) {
		p, _ := pool.New(pool.Config[*idle]{Dial: func(context.Context) (*idle, error) { return &idle{}, nil }, Source: auth.Static("u", "p"), MaxSize: 8})
		defer p.Close()
		b.ReportAllocs()
		for b.Loop() {
			l, err := p.Acquire(ctx)
			if err != nil {
				b.Fatal(err)
			}
			l.Release()
		}
	})
}
