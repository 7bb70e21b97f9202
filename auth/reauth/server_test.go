package reauth_test

import (
	"bufio"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redisentra/redisentra/internal/wire"
)

// server is a Redis of a few commands, whose replies depend on the client's commands alone, and which
// tells those of the Conn from those of the client. It fails the test if one of the Conn's comes
// where Redis holds something for the client's next command.
type server struct {
	t    testing.TB
	conn *end

	helloNames bool                               // HELLO names an option that it does not know
	helloOld   bool                               // there is no HELLO
	anonymous  bool                               // a command that it does not know is not named
	noPing     bool                               // the ACL forbids PING
	noDiscard  bool                               // it forbids DISCARD
	refuse     func(user, password string) string // the error that an AUTH is refused with; "": none
	push       func() string                      // what is pushed before a reply, if RESP3 is spoken
	divert     func(answer)                       // gets what would be sent; nil: it is sent

	mu      sync.Mutex // guards what follows
	client  []byte     // the client's bytes
	replies []byte     // the client's replies and pushes
	auths   []sentAuth // of the Conn
	own     int        // commands of the Conn
	free    []int      // where in client others may speak

	resp3, in, multi, caching, asking, subscribed bool
	queued                                        [][]string
	nonces                                        int // commands of the Conn's with a nonce that came last
}

// answer is what is sent upon a command: pushes, and a reply to the client or the Conn.
type answer struct {
	pushes, reply string
	own           bool
}

// sentAuth is an AUTH that the Conn sent.
type sentAuth struct {
	at             time.Time
	behind         int // in server.client
	user, password string
}

func newServer(t testing.TB, conn *end) *server {
	return &server{t: t, conn: conn, helloNames: true, push: func() string { return "" }, refuse: func(_, password string) string {
		if strings.HasPrefix(password, "token") {
			return ""
		}
		return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	}}
}

// serve serves until the client ends the connection.
func (s *server) serve() {
	r := bufio.NewReader(s.conn)
	var c wire.Command
	for c.Read(r) == nil {
		var args []string
		for _, arg := range c.Args {
			args = append(args, string(arg))
		}
		a := s.answer(string(c.Raw), args)
		if s.divert != nil {
			s.divert(a)
		} else if _, err := s.conn.Write([]byte(a.pushes + a.reply)); err != nil {
			break
		}
	}
	_ = s.conn.Close()
}

// answer notes a command and returns what is to be sent.
func (s *server) answer(raw string, args []string) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	pushes := ""
	if s.resp3 {
		pushes = s.push()
	}
	s.replies = append(s.replies, pushes...)
	if s.isOwn(args) {
		s.own++
		if s.multi || s.caching || s.asking || s.subscribed && !s.resp3 {
			s.t.Errorf("%q came where nothing may: MULTI %v, CACHING %v, ASKING %v", args[0], s.multi, s.caching, s.asking)
		}
		if args[0] == "AUTH" {
			s.auths = append(s.auths, sentAuth{time.Now(), len(s.client), args[1], args[2]})
		}
		return answer{pushes, s.execute(args), true}
	}
	s.client = append(s.client, raw...)
	reply := s.reply(args)
	if !s.multi && !s.caching && !s.asking && (s.resp3 || !s.subscribed) {
		s.free = append(s.free, len(s.client))
	}
	s.replies = append(s.replies, reply...)
	return answer{pushes, reply, false}
}

// probing is how many commands the Conn sends behind a login.
const probing = 7

// isOwn reports whether a command is the Conn's: one with a nonce, the DISCARD behind those of a probe, or the AUTH
// behind a single one.
func (s *server) isOwn(args []string) bool {
	last, before := "", s.nonces
	if len(args) > 1 {
		last = args[len(args)-1]
	}
	s.nonces = 0
	switch {
	case slices.Contains([]string{"HELLO", "REDISENTRA", "PING"}, args[0]) && strings.HasPrefix(last, "redisentra:") && len(last) == len("redisentra:")+26:
		s.nonces = before + 1
		return true
	case args[0] == "DISCARD":
		return before == probing-1
	}
	return args[0] == "AUTH" && before == 1
}

// reply executes a command of the client, or queues it.
func (s *server) reply(args []string) string {
	name := strings.ToUpper(args[0])
	if name != "CLIENT" && !s.multi {
		s.caching = false
	}
	s.asking = false
	switch {
	case !s.in && name != "AUTH" && name != "HELLO":
		return "-NOAUTH Authentication required.\r\n"
	case s.multi && name == "EXEC" && len(args) > 1:
		s.multi, s.caching, s.asking, s.queued = false, false, false, nil
		return "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
	case s.multi && name == "EXEC":
		var reply strings.Builder
		reply.WriteString(fmt.Sprintf("*%d\r\n", len(s.queued)))
		for _, args := range s.queued {
			reply.WriteString(s.execute(args))
		}
		s.multi, s.caching, s.asking, s.queued = false, false, false, nil
		return reply.String()
	case s.multi && name == "DISCARD" && s.noDiscard:
		return "-NOPERM this user has no permissions to run the 'discard' command\r\n"
	case s.multi && name == "DISCARD" && len(args) == 1:
		s.multi, s.caching, s.queued = false, false, nil
		return "+OK\r\n"
	case name == "EXEC" || name == "DISCARD":
		return "-ERR " + name + " without MULTI, or with arguments\r\n"
	case name == "MULTI" && (s.multi || len(args) > 1):
		return "-ERR MULTI calls can not be nested, or have arguments\r\n"
	case s.multi:
		s.queued = append(s.queued, args)
		return "+QUEUED\r\n"
	case name == "MULTI":
		s.multi = true
		return "+OK\r\n"
	}
	return s.execute(args)
}

func (s *server) execute(args []string) string {
	switch name := strings.ToUpper(args[0]); {
	case name == "HELLO" && s.helloOld:
		return "-ERR unknown command 'HELLO'\r\n"
	case name == "HELLO":
		return s.hello(args[1:])
	case name == "AUTH" && len(args) == 2:
		return s.login("default", args[1])
	case name == "AUTH" && len(args) == 3:
		return s.login(args[1], args[2])
	case name == "REDISENTRA" && s.anonymous:
		return "-ERR unknown command\r\n"
	case name == "REDISENTRA":
		return fmt.Sprintf("-ERR unknown command '%s', with args beginning with: '%s' \r\n", args[0], args[1])
	case name == "DISCARD" && s.noDiscard:
		return "-NOPERM this user has no permissions to run the 'discard' command\r\n"
	case name == "DISCARD":
		return "-ERR DISCARD without MULTI\r\n"
	case name == "PING" && s.noPing:
		return "-NOPERM this user has no permissions to run the 'ping' command\r\n"
	case name == "PING" && len(args) == 1:
		return "+PONG\r\n"
	case name == "PING" || name == "ECHO":
		return fmt.Sprintf("$%d\r\n%s\r\n", len(args[1]), args[1])
	case name == "RAW": // a reply as the client wants it
		return args[1]
	case name == "BIG":
		n, _ := strconv.Atoi(args[1])
		return fmt.Sprintf("$%d\r\n%s\r\n", n, strings.Repeat("$37\r\nredisentra:-", n/16+1)[:n])
	case name == "SUBSCRIBE":
		s.subscribed = true
		return fmt.Sprintf("%s3\r\n+subscribe\r\n$%d\r\n%s\r\n:1\r\n", map[bool]string{true: ">", false: "*"}[s.resp3], len(args[1]), args[1])
	case name == "CLIENT" && args[1] == "CACHING":
		s.caching = true
	case name == "ASKING":
		s.asking = true
	}
	return "+OK\r\n"
}

func (s *server) hello(words []string) string {
	for i := 1; i < len(words); i++ {
		switch {
		case words[i] == "AUTH" && i+2 < len(words):
			if err := s.login(words[i+1], words[i+2]); err[0] == '-' {
				return err
			}
			i += 2
		case words[i] == "SETNAME" && i+1 < len(words):
			i++
		case s.helloNames:
			return fmt.Sprintf("-ERR Syntax error in HELLO option '%s'\r\n", words[i])
		default:
			return "-ERR syntax error\r\n"
		}
	}
	if len(words) > 0 {
		s.resp3 = words[0] == "3"
	}
	return map[bool]string{true: "%1\r\n+proto\r\n:3\r\n", false: "*2\r\n+proto\r\n:2\r\n"}[s.resp3]
}

func (s *server) login(user, password string) string {
	if err := s.refuse(user, password); err != "" {
		return err
	}
	s.in = true
	return "+OK\r\n"
}

// seen returns what came and went that is the client's, and the AUTHs of the Conn.
func (s *server) seen() (client, replies string, auths []sentAuth) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.client), string(s.replies), s.auths
}
