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
}

// probe finds out how to mark replies.
type probe struct {
	after int // replies of the client
	login wire.Login
	nonce string
}

// marking is a command that takes a nonce, and what its reply has before and behind that.
type marking struct {
	command       []string
	before, after string
}

// markings are the commands that may be used, best one first.
func markings(resp3 bool) [2]marking {
	version := "2"
	if resp3 {
		version = "3"
	}
	return [...]marking{{command: []string{"HELLO", version}}, {command: []string{"PING"}}}
}

func (m marking) append(dst []byte, nonce string) []byte {
	return wire.AppendCommand(dst, append(slices.Clip(m.command), nonce)...)
}

func newNonce() string { return "redisentra:" + rand.Text() }

// learn takes from the reply to m what such replies have around their nonce, and reports
// whether it holds that.
func (m *marking) learn(reply, nonce []byte) bool {
	before, after, found := bytes.Cut(reply, nonce)
	m.before, m.after = string(before), string(after)
	return found && len(before) > 0 && !bytes.Contains(after, nonce)
}
