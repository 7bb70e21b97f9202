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
	connections, nodes := measure.ConnectionsConfig{}, measure.NodesConfig{}
	weights := []time.Duration{200 * time.Second, 150 * time.Second}
	if quick {
		connections = measure.ConnectionsConfig{Counts: []int{1, 100}, Rounds: 1}
		nodes = measure.NodesConfig{Masters: []int{1, 3}, Life: time.Second, Rounds: 10}
		weights = []time.Duration{15 * time.Second, 10 * time.Second}
	}
	return []step{
		{"connections", weights[0], into(measure.Connections, connections, func(r *measure.Results) *[]measure.ConnectionCost { return &r.Connections })},
		{"fleet", time.Second, into(measure.Fleets, measure.FleetConfig{}, func(r *measure.Results) *[]measure.Fleet { return &r.Fleet })},
		{"nodes", weights[1], into(measure.Clusters, nodes, func(r *measure.Results) *[]measure.Nodes { return &r.Nodes })},
	}
}

// into makes a step's run of a scenario whose results go where at says.
func into[C, T any](scenario func(context.Context, C, func(float64)) ([]T, error), cfg C, at func(*measure.Results) *[]T) func(context.Context, func(float64), *measure.Results) error {
	return func(ctx context.Context, progress func(float64), r *measure.Results) (err error) {
		*at(r), err = scenario(ctx, cfg, progress)
		return err
	}
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
