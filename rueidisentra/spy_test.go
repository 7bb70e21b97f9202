package rueidisentra_test

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/redis/rueidis"
)

// spy is a client that remembers what it is told to send.
type spy struct {
	rueidis.Client
	*told
}

// told is what a spy and its dedicated clients were told.
type told struct {
	before func(args []string) // called before each command is sent, if set

	mu    sync.Mutex
	calls [][]order
}

// order is one command, as it was when it was sent.
type order struct {
	args                             []string
	slot                             uint16
	block, readonly, pipe, retryable bool
}

func newSpy(client rueidis.Client) *spy { return &spy{client, &told{}} }

func (s *told) note(multi ...rueidis.Completed) {
	var call []order
	for _, cmd := range multi {
		call = append(call, order{slices.Clone(cmd.Commands()), cmd.Slot(), cmd.IsBlock(), cmd.IsReadOnly(), cmd.IsPipe(), cmd.IsRetryable()})
	}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	if s.before != nil {
		for _, o := range call {
			s.before(o.args)
		}
	}
}

// orders forgets and returns the commands so far.
func (s *told) orders() []order {
	s.mu.Lock()
	defer s.mu.Unlock()
	orders := slices.Concat(s.calls...)
	s.calls = nil
	return orders
}

// lines forgets and returns the calls so far, a line each; commands of DoMulti stand
// between bars.
func (s *told) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, call := range s.calls {
		var line []string
		for _, o := range call {
			line = append(line, strings.Join(o.args, " "))
		}
		lines = append(lines, strings.Join(line, " | "))
	}
	s.calls = nil
	return lines
}

func (s *spy) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	s.note(cmd)
	return s.Client.Do(ctx, cmd)
}

func (s *spy) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	s.note(multi...)
	return s.Client.DoMulti(ctx, multi...)
}

func (s *spy) Dedicated(fn func(rueidis.DedicatedClient) error) error {
	return s.Client.Dedicated(func(d rueidis.DedicatedClient) error { return fn(&dedicatedSpy{d, s.told}) })
}

func (s *spy) Dedicate() (rueidis.DedicatedClient, func()) {
	d, cancel := s.Client.Dedicate()
	return &dedicatedSpy{d, s.told}, cancel
}

func (s *spy) Nodes() map[string]rueidis.Client {
	nodes := map[string]rueidis.Client{}
	for addr, node := range s.Client.Nodes() {
		nodes[addr] = &spy{node, s.told}
	}
	return nodes
}

type dedicatedSpy struct {
	rueidis.DedicatedClient
	*told
}

func (s *dedicatedSpy) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	s.note(cmd)
	return s.DedicatedClient.Do(ctx, cmd)
}

func (s *dedicatedSpy) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	s.note(multi...)
	return s.DedicatedClient.DoMulti(ctx, multi...)
}
