package testutil

import (
	"bytes"
	"strings"

	"github.com/redisentra/redisentra/internal/wire"
)

// expected is what is known about the reply to one command.
type expected struct {
	kind  replyKind
	login *Login
	word  string // of subscriptions: what confirms them
	more  int    // of subscriptions: confirmations still to come
}

type replyKind uint8

const (
	plain replyKind = iota
	login
	execute
	discard
	reset
	subscription // confirmed by pushes, in RESP2 by arrays; only errors and QUEUED are plain replies
)

// observe matches a reply with the command that it answers.
func (c *gatewayConn) observe(reply []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := reply[0]
	if first == '>' || first == '*' && c.speaksOfSubscriptions(reply) {
		c.confirm(reply)
		return
	}
	// Subscriptions have no reply of their own, unless they fail or are queued.
	queued := bytes.HasPrefix(reply, []byte("+QUEUED"))
	for first != '-' && !queued && c.awaits(subscription) {
		c.pop()
	}
	if c.next == len(c.expects) {
		return
	}
	e := c.pop()
	switch e.kind {
	case login:
		switch {
		case bytes.HasPrefix(reply, []byte("-WRONGPASS")):
			c.g.count(func(s *GatewayStats) { s.Refused++ })
		case queued:
			c.g.count(func(s *GatewayStats) { s.Queued++ })
			if e.login != nil {
				c.queued = e.login
			}
		case first != '-':
			c.extend(e.login)
		}
	case execute:
		if first == '*' && !bytes.HasPrefix(reply, []byte("*-1")) {
			c.extend(c.queued)
		}
		c.queued = nil
	case discard:
		c.queued = nil
	case reset:
		if first == '-' { // it does not know RESET
			return
		}
		c.queued, c.until, c.resp2 = nil, nil, false
	}
}

// speaksOfSubscriptions reports whether an array is what RESP3 would push.
func (c *gatewayConn) speaksOfSubscriptions(reply []byte) bool {
	if !c.resp2 && !c.awaits(subscription) {
		return false
	}
	word := string(wire.FirstWord(reply))
	return strings.HasSuffix(word, "subscribe") || c.resp2 && strings.HasSuffix(word, "message")
}

// confirm counts one confirmation of a subscription; other pushes change nothing.
func (c *gatewayConn) confirm(reply []byte) {
	word := string(wire.FirstWord(reply))
	if !strings.HasSuffix(word, "subscribe") {
		return
	}
	if reply[0] == '*' {
		c.resp2 = !bytes.HasSuffix(reply, []byte(":0\r\n"))
	}
	// Without channels named, UNSUBSCRIBE has one confirmation for each there was; those
	// beyond the first must not count for a subscription behind it.
	if c.awaits(subscription) && c.expects[c.next].word == word {
		if c.expects[c.next].more--; c.expects[c.next].more == 0 {
			c.pop()
		}
	}
}

// awaits reports whether the next reply is to be of this kind. Like push and pop, it
// must be called with c.mu held.
func (c *gatewayConn) awaits(k replyKind) bool {
	return c.next < len(c.expects) && c.expects[c.next].kind == k
}

// push notes that the reply to e is to come.
func (c *gatewayConn) push(e expected) {
	if len(c.expects) == cap(c.expects) && 2*c.next > len(c.expects) {
		// Under constant load the replies may never catch up, so expects is never empty.
		c.expects, c.next = append(c.expects[:0], c.expects[c.next:]...), 0
	}
	c.expects = append(c.expects, e)
}

func (c *gatewayConn) pop() expected {
	e := c.expects[c.next]
	if c.next++; c.next == len(c.expects) {
		c.expects, c.next = c.expects[:0], 0
	}
	return e
}
