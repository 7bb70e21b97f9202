package reauth

import (
	"bytes"
	"crypto/rand"
	"slices"
	"time"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/wire"
)

// mark says which replies in the stream are not the client's: those to a probe, which come
// right behind a number of the client's replies, or those to a marker and to AUTH.
type mark struct {
	probe  *probe
	marker []byte // the reply to the marker

	sent         time.Time
	creds, older auth.Credentials // that AUTH sent, and those before
	user         string           // that the connection had before
}

// probe finds out how to mark replies at this server.
type probe struct {
	after  int // replies of the client
	login  wire.Login
	nonces [2]string
}

// marking is a command that takes a nonce, and what its reply has before and behind that.
type marking struct {
	command       []string
	before, after string
}

// markings are the commands that may be used, best one first. Servers refuse the first two whatever the ACL
// and their state, and name what they refuse; PING they answer only where that lets them.
func markings(resp3 bool) [3]marking {
	version := "2"
	if resp3 {
		version = "3"
	}
	return [...]marking{{command: []string{"HELLO", version}}, {command: []string{"REDISENTRA"}}, {command: []string{"PING"}}}
}

func (m marking) append(dst []byte, nonce string) []byte {
	return wire.AppendCommand(dst, append(slices.Clip(m.command), nonce)...)
}

func newNonce() string { return "redisentra:" + rand.Text() }

// commands are what is sent: each marking twice, and DISCARD.
func (p *probe) commands() []byte {
	var buf []byte
	for _, m := range markings(p.login.RESP3) {
		for _, nonce := range p.nonces {
			buf = m.append(buf, nonce)
		}
	}
	return wire.AppendCommand(buf, "DISCARD")
}

// probeReplies is how many replies they have.
const probeReplies = 2*3 + 1

// marking returns the best marking that works, as told by the replies; without a command if none does.
func (p *probe) marking(replies [][]byte) marking {
	for i, m := range markings(p.login.RESP3) {
		var learned [2]marking
		for j, nonce := range p.nonces {
			before, after, _ := bytes.Cut(replies[2*i+j], []byte(nonce))
			learned[j] = marking{before: string(before), after: string(after)}
		}
		// A reply that says something else each time, such as a number, could not be recognized.
		if m.before, m.after = learned[0].before, learned[0].after; m.before == learned[1].before && m.after == learned[1].after && m.after != "" {
			return m
		}
	}
	return marking{}
}

// discards reports whether DISCARD ends a MULTI. Without one it is refused, but not by the ACL.
func (p *probe) discards(replies [][]byte) bool {
	return !bytes.HasPrefix(replies[probeReplies-1], []byte("-NOPERM"))
}
