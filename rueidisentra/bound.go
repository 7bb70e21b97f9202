package rueidisentra

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// bound is how long one command may block: whole milliseconds, at least one.
type bound time.Duration

// exceededBy reports whether cmd may block for longer, and takes it apart if so.
func (m bound) exceededBy(cmd rueidis.Completed) (blocking, bool) {
	if cmd.IsEmpty() {
		return blocking{}, false // rueidis' to complain about
	}
	b, ok := parseBlocking(cmd.Commands())
	return b, ok && b.longerThan(time.Duration(m))
}

// do sends cmd, which is b, in slices. cmd itself never reaches rueidis, and so is not
// recycled: a pinned one stays as it is, any other is left to the garbage collector.
func (m bound) do(ctx context.Context, c rueidis.CommandClient, cmd rueidis.Completed, b blocking) rueidis.RedisResult {
	if failed, ok := resolveEnds(ctx, c, cmd, &b); !ok {
		return failed
	}
	var result rueidis.RedisResult // of the last slice; there is at least one
	start := time.Now()
	for d, more := b.next(0, time.Duration(m)); more; d, more = b.next(time.Since(start), time.Duration(m)) {
		if err := ctx.Err(); err != nil {
			return rueidis.NewErrorResult(err)
		}
		result = c.Do(ctx, b.build(c.B(), cmd, d))
		if !rueidis.IsRedisNil(result.Error()) {
			return result
		}
		b.resolveLasts()
	}
	return result
}

// resolveEnds replaces each $ of an XREAD by the id of the stream's last entry; once, as
// the server does when the command arrives, so that what is added between slices comes
// after it. The server itself takes the last id that it has generated, which is higher
// where the last entries have been deleted. No entry can be added in between (XSETID
// aside, which turns a stream back), so both mean the same entries, and XREVRANGE needs
// no special case for a stream that does not exist. It reports false, with the result
// that is the whole command's, when there was no answer to work with.
func resolveEnds(ctx context.Context, c rueidis.CommandClient, cmd rueidis.Completed, b *blocking) (rueidis.RedisResult, bool) {
	keys := b.unresolved()
	if len(keys) == 0 {
		return rueidis.RedisResult{}, true
	}
	multi := make(rueidis.Commands, len(keys))
	for i, key := range keys {
		// As readonly as cmd, so that SendToReplicas has reason to answer the same for both.
		last := c.B().Arbitrary("XREVRANGE", b.args[key], "+", "-", "COUNT", "1")
		if cmd.IsReadOnly() {
			multi[i] = like(cmd, last.ReadOnly(), b.args[key])
		} else {
			multi[i] = like(cmd, last.Build(), b.args[key])
		}
	}
	for i, result := range c.DoMulti(ctx, multi...) {
		entries, err := result.AsXRange()
		switch {
		case result.Error() != nil:
			return result, false
		case err != nil:
			return rueidis.NewErrorResult(err), false
		case len(entries) == 0:
			b.resolve(keys[i], "0-0")
		default:
			b.resolve(keys[i], entries[0].ID)
		}
	}
	return rueidis.RedisResult{}, true
}

// build returns b as a command that blocks for d, and is otherwise like cmd.
func (b blocking) build(builder rueidis.Builder, cmd rueidis.Completed, d time.Duration) rueidis.Completed {
	args := b.slice(d)
	key := args[b.key]
	switch {
	case cmd.IsBlock() && cmd.IsReadOnly() && b.ids > 0:
		// Both at once is only what rueidis' own XREAD can be. Id takes all the rest.
		if b.count == 0 {
			return like(cmd, builder.Xread().Block(d.Milliseconds()).Streams().Key(key).Id(args[b.key+1:]...).Build(), key)
		} else if n, err := strconv.ParseInt(args[b.count], 10, 64); err == nil {
			return like(cmd, builder.Xread().Count(n).Block(d.Milliseconds()).Streams().Key(key).Id(args[b.key+1:]...).Build(), key)
		}
		fallthrough // the server says what it thinks of COUNT
	case cmd.IsBlock():
		return like(cmd, builder.Arbitrary(args...).Blocking(), key)
	case cmd.IsReadOnly():
		return like(cmd, builder.Arbitrary(args...).ReadOnly(), key)
	default:
		return like(cmd, builder.Arbitrary(args...).Build(), key)
	}
}

// like returns built, a command for key, with the slot and those flags of cmd that are
// set after building. A command of several keys has the first one's slot, and the server
// says so if the others are elsewhere; one that was built without Keys stays without.
func like(cmd, built rueidis.Completed, key string) rueidis.Completed {
	if cmd.Slot() != built.Slot() {
		built = built.SetSlot(key)
	}
	if cmd.IsPipe() {
		built = built.ToPipe()
	}
	if cmd.IsRetryable() {
		built = built.ToRetryable()
	}
	if cmd.IsUnblockOnCancel() {
		built = built.UnblockOnCancel()
	}
	return built
}

// split returns how many of multi go out together: those before the first that is to be
// sliced, which is what it returns beside. open is whether the connection is in MULTI.
func (m bound) split(multi []rueidis.Completed, open bool) (int, blocking) {
	for i, cmd := range multi {
		if open = stillOpen(open, transactional(cmd), nil); open {
			continue
		}
		if b, ok := m.exceededBy(cmd); ok {
			return i, b
		}
	}
	return len(multi), blocking{}
}

// doMulti sends multi in parts, each a pipeline or one command in slices.
func (m bound) doMulti(ctx context.Context, c rueidis.CommandClient, tx *transaction, multi []rueidis.Completed) []rueidis.RedisResult {
	var results []rueidis.RedisResult
	for len(results) < len(multi) {
		rest := multi[len(results):]
		n, b := m.split(rest, tx.open.Load())
		var part []rueidis.RedisResult
		if n == 0 {
			part = []rueidis.RedisResult{m.do(ctx, c, rest[0], b)}
		} else {
			part = tx.doMulti(ctx, c, rest[:n])
		}
		results = append(results, part...)
		for _, result := range part {
			if err := result.NonRedisError(); err != nil {
				for len(results) < len(multi) {
					results = append(results, rueidis.NewErrorResult(err))
				}
				break
			}
		}
	}
	return results
}

// transaction follows whether a connection is in MULTI.
type transaction struct{ open atomic.Bool }

// do sends cmd as it is.
func (t *transaction) do(ctx context.Context, c rueidis.CommandClient, cmd rueidis.Completed) rueidis.RedisResult {
	name := transactional(cmd) // now, for c recycles it
	result := c.Do(ctx, cmd)
	t.answered(name, result)
	return result
}

// doMulti sends multi as they are.
func (t *transaction) doMulti(ctx context.Context, c rueidis.CommandClient, multi []rueidis.Completed) []rueidis.RedisResult {
	var names []string // now, for c recycles them
	for i, cmd := range multi {
		if name := transactional(cmd); name != "" {
			if names == nil {
				names = make([]string, len(multi))
			}
			names[i] = name
		}
	}
	results := c.DoMulti(ctx, multi...)
	for i, name := range names {
		t.answered(name, results[i])
	}
	return results
}

func (t *transaction) answered(name string, result rueidis.RedisResult) {
	if name != "" {
		t.open.Store(stillOpen(t.open.Load(), name, result.Error()))
	}
}

// transactional returns the name of a command that opens or ends a MULTI, or "".
func transactional(cmd rueidis.Completed) string {
	if !cmd.IsEmpty() {
		switch name := strings.ToUpper(cmd.Commands()[0]); name {
		case "MULTI", "EXEC", "DISCARD", "RESET":
			return name
		}
	}
	return ""
}

// stillOpen returns whether a connection is in MULTI after a command that was answered
// with err. A refused MULTI or DISCARD leaves things as they are; an EXEC ends it in any case.
func stillOpen(open bool, name string, err error) bool {
	switch name {
	case "MULTI":
		return open || err == nil
	case "EXEC":
		return false
	case "DISCARD", "RESET":
		return open && err != nil
	}
	return open
}
