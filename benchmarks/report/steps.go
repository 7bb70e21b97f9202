package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// step is one scenario.
type step struct {
	name   string
	weight time.Duration // about how long it takes
	run    func(ctx context.Context, progress func(done float64), r *measure.Results) error
}

// steps returns what is measured, one after the other: nothing else may run meanwhile.
func steps(quick bool) []step {
	return []step{
		scenario("steady state", quick, 10*time.Second, 4*time.Minute, measure.SteadyStates, measure.ShortSteady(), func(r *measure.Results) *[]measure.Steady { return &r.Steady }),
		scenario("rotation", quick, 15*time.Second, 2*time.Minute, measure.Rotations, measure.ShortRotation(), func(r *measure.Results) *[]measure.Rotation { return &r.Rotation }),
		scenario("refresh", quick, 10*time.Second, 200*time.Second, measure.Refreshes, measure.ShortRefresh(), func(r *measure.Results) *[]measure.Refresh { return &r.Refresh }),
		scenario("connections", quick, 10*time.Second, 200*time.Second, measure.Connections, measure.ShortConnections(), func(r *measure.Results) *[]measure.ConnectionCost { return &r.Connections }),
		scenario("fleet", quick, time.Second, time.Second, measure.Fleets, measure.FleetConfig{}, func(r *measure.Results) *[]measure.Fleet { return &r.Fleet }),
		scenario("nodes", quick, 10*time.Second, 150*time.Second, measure.Clusters, measure.ShortNodes(), func(r *measure.Results) *[]measure.Nodes { return &r.Nodes }),
	}
}

// scenario makes a step of one of measure's: with brief as its config, which takes as long as the first weight says, if it is to be
// quick, and else with the defaults. at says where its results go.
func scenario[C, T any](name string, quick bool, short, long time.Duration,
	run func(context.Context, C, func(float64)) ([]T, error), brief C, at func(*measure.Results) *[]T,
) step {
	var cfg C
	weight := long
	if quick {
		cfg, weight = brief, short
	}
	return step{name, weight, func(ctx context.Context, progress func(float64), r *measure.Results) (err error) {
		*at(r), err = run(ctx, cfg, progress)
		return err
	}}
}

// measureAll runs all steps. One that fails leaves its results out, and the others go on.
func measureAll(ctx context.Context, all []step, w io.Writer) (*measure.Results, error) {
	r := &measure.Results{Begun: time.Now(), Machine: thisMachine(ctx)}
	var errs []error
	bar := newBar(w, all)
	defer bar.close()
	for i, s := range all {
		if ctx.Err() != nil {
			break
		}
		bar.set(i, 0)
		if err := s.run(ctx, func(done float64) { bar.set(i, done) }, r); err != nil {
			errs = append(errs, fmt.Errorf("report: %s: %w", s.name, err))
		}
	}
	bar.set(len(all), 0)
	r.Took = time.Since(r.Begun)
	return r, errors.Join(errs...)
}
