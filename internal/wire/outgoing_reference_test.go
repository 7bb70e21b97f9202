package wire_test

import (
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"

	"github.com/redisentra/redisentra/internal/wire"
)

// moment is what is known behind a command of a client's stream.
type moment struct {
	end          int  // offset in the stream
	free2, free3 bool // Free of RESP2, and of RESP3 from the third command on
	login        wire.Login
}

// followed is what is known of a stream, as far as it goes.
type followed struct {
	moments      []moment
	between, off bool
}

// referenceFollow follows all of stream with what it says on wire.Outgoing, and no state but this
// function's variables.
func referenceFollow(stream string) (f followed) {
	var multi, oneShot, subscribed, hello2 bool // since the third command
	for rest := stream; ; {
		args, next, err := referenceSent(rest)
		login := 0
		if len(args) > 0 && (upper(args[0]) == "AUTH" || upper(args[0]) == "HELLO") {
			login = len(strings.Join(args[1:], ""))
		}
		if err != nil || login > 1<<20 {
			f.between, f.off = err == io.EOF, err == wire.ErrProtocol || login > 1<<20
			return f
		}
		rest = next

		m := moment{end: len(stream) - len(rest)}
		name, off := upper(args[0]), false
		oneShot = oneShot && name == "CLIENT"
		switch name {
		case "AUTH":
			m.login = referenceAuth(args[1:])
		case "HELLO":
			hello2 = hello2 || len(f.moments) >= 2 && len(args) > 1 && args[1] == "2"
			m.login = referenceHello(args[1:])
		case "MULTI":
			multi = multi || len(args) == 1
		case "EXEC":
			multi = false
		case "DISCARD":
			multi = multi && len(args) > 1
		case "ASKING":
			oneShot = true
		case "CLIENT":
			oneShot = oneShot || len(args) > 1 && upper(args[1]) == "CACHING"
			off = len(args) > 1 && upper(args[1]) == "REPLY"
		case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE":
			subscribed = true
		case "MONITOR", "SYNC", "PSYNC", "RESET", "QUIT":
			off = true
		}
		free := !off && !multi && !oneShot
		m.free2, m.free3 = free && !subscribed, free && (!subscribed || !hello2)
		f.moments = append(f.moments, m)
		if off {
			f.off = true
			return f
		}
	}
}

func referenceAuth(words []string) wire.Login {
	switch len(words) {
	case 1:
		return wire.Login{Username: "default", Password: words[0]}
	case 2:
		return wire.Login{Username: words[0], Password: words[1]}
	}
	return wire.Login{}
}

// referenceHello returns the login in the words behind HELLO: of several the last, and none behind an error.
func referenceHello(words []string) (l wire.Login) {
	if len(words) == 0 {
		return l
	}
	resp3 := words[0] == "3"
	for words = words[1:]; len(words) > 0; {
		switch {
		case upper(words[0]) == "AUTH" && len(words) > 2:
			l, words = wire.Login{Username: words[1], Password: words[2], RESP3: resp3}, words[3:]
		case upper(words[0]) == "SETNAME" && len(words) > 1:
			words = words[2:]
		default:
			return l
		}
	}
	return l
}

var (
	sentLine      = regexp.MustCompile(`^[*$](0|[1-9][0-9]{0,9})\r\n`)
	sentBeginning = regexp.MustCompile(`^[*$]((0|[1-9][0-9]{0,9})\r?)?$`)
)

// referenceSent splits the first command off s. The error is wire.ErrProtocol if s cannot become one,
// and else says that there is no more of it; of the last word there may be a part.
func referenceSent(s string) (args []string, rest string, err error) {
	if s == "" {
		return nil, "", io.EOF
	}
	n, rest, err := referenceHeader('*', s, 1<<31-1)
	if err == nil && n == 0 {
		err = wire.ErrProtocol
	}
	for range n {
		if err != nil {
			break
		}
		size := 0
		if size, rest, err = referenceHeader('$', rest, 512<<20); err != nil {
			break
		}
		args = append(args, rest[:min(size, len(rest))])
		if len(rest) < size+2 {
			return args, "", io.ErrUnexpectedEOF
		}
		rest = rest[size+2:] // Redis does not look at the two
	}
	return args, rest, err
}

func referenceHeader(kind byte, s string, limit int) (n int, rest string, err error) {
	line := sentLine.FindString(s)
	switch {
	case s != "" && s[0] != kind, line == "" && s != "" && !sentBeginning.MatchString(s):
		return 0, "", wire.ErrProtocol
	case line == "":
		return 0, "", io.ErrUnexpectedEOF
	}
	n, err = strconv.Atoi(strings.Trim(line, "*$\r\n"))
	if err != nil || n > limit {
		return 0, "", wire.ErrProtocol
	}
	return n, s[len(line):], nil
}

// upper puts the letters that Redis takes for letters in capitals.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// follow lets o follow stream, cut at the offsets in cuts, and returns what it knows.
func follow(o *wire.Outgoing, stream string, cuts ...int) (f followed) {
	at := 0
	for _, end := range append(cuts, len(stream)) {
		for at < end {
			before := o.Commands()
			at += o.Next([]byte(stream[at:end]))
			if o.Commands() == before {
				continue
			}
			m := moment{end: at, free2: o.Free(0, true), free3: o.Free(3, true)}
			if o.LoggedIn() {
				m.login = *o.TakeLogin()
			}
			f.moments = append(f.moments, m)
		}
	}
	f.between, f.off = o.Between(), o.Off() != ""
	return f
}

// everyByteCut cuts a stream of n bytes everywhere.
func everyByteCut(n int) (cuts []int) {
	for i := range n {
		cuts = append(cuts, i)
	}
	return cuts
}

// randomCuts cuts a stream of n bytes at a few places.
func randomCuts(n int, r *rand.Rand) (cuts []int) {
	for at := 0; at < n; at += r.IntN(1 + r.IntN(40)) {
		cuts = append(cuts, at)
		if r.IntN(8) == 0 {
			at += r.IntN(200)
		}
	}
	return cuts
}

// sent returns the stream of commands whose words have blanks between them.
func sent(commands ...string) string {
	var stream []byte
	for _, c := range commands {
		stream = wire.AppendCommand(stream, strings.Split(c, " ")...)
	}
	return string(stream)
}
