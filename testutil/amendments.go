package testutil

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/alicebob/miniredis/v2/server"
)

// amendments make miniredis behave like redis-server where tokens rotate: it
// says that it is no cluster, while it describes itself as one of the address behind
// the gateway, and takes AUTH on a RESP3 connection that has subscribed to something.
type amendments struct {
	known func(username, password string) bool

	mu    sync.Mutex                       // guards what follows
	peers map[*server.Peer]map[string]bool // of connections that have logged in, what they are subscribed to
}

// hook is the server's PreHook: it reports whether it has answered.
func (a *amendments) hook(c *server.Peer, cmd string, args ...string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch cmd {
	case "CLUSTER":
		c.WriteError("ERR This instance has cluster support disabled")
		return true
	case "SUBSCRIBE", "PSUBSCRIBE":
		if channels := a.peers[c]; channels != nil {
			for _, arg := range args {
				channels[cmd[:1]+arg] = true
			}
		}
	case "UNSUBSCRIBE", "PUNSUBSCRIBE":
		kind := strings.TrimPrefix(cmd, "UN")[:1]
		maps.DeleteFunc(a.peers[c], func(channel string, _ bool) bool {
			return channel[:1] == kind && (len(args) == 0 || slices.Contains(args, channel[1:]))
		})
	case "HELLO":
		if i := slices.IndexFunc(args, func(s string) bool { return strings.EqualFold(s, "AUTH") }); i > 0 && i+2 < len(args) {
			a.login(c, args[i+1], args[i+2])
		}
	case "AUTH":
		if len(args) != 2 {
			return false
		}
		known := a.login(c, args[0], args[1])
		switch {
		case len(a.peers[c]) == 0 || !c.Resp3:
			return false
		case known:
			c.WriteOK()
		default:
			c.WriteError("WRONGPASS invalid username-password pair or user is disabled.")
		}
		return true
	}
	return false
}

// login notes that c logs in, and reports whether that succeeds.
func (a *amendments) login(c *server.Peer, username, password string) bool {
	if !a.known(username, password) {
		return false
	}
	if _, ok := a.peers[c]; ok {
		return true
	}
	a.peers[c] = map[string]bool{}
	c.OnDisconnect(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.peers, c)
	})
	return true
}
