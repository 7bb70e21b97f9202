package wire

import "math"

// Outgoing follows what a client sends, just enough to know where commands end, and
// behind which of them no command of somebody else may stand. The stream may be cut
// anywhere. It reads as redis-server does; on what that would refuse, and
// on inline commands, it gives up for good. The zero value is a new connection.
type Outgoing struct {
	phase phase
	kind  kind // of the command under way

	off        string // why it has given up; empty: it has not
	multi      bool   // between MULTI and EXEC or DISCARD
	discarded  bool   // it was DISCARD that ended the last MULTI, if the server lets it
	oneShot    bool   // behind a command that modifies the next one
	subscribed bool   // SUBSCRIBE or one like it was sent
	hello2     int    // the number of the last command that was HELLO 2; 0: none

	digits int8  // of number so far
	number int64 // the length that is being read
	words  int64 // of the command under way, the present one included, still to come
	index  int64 // of the present word; 0 is the command's name; at its end, how many it has
	size   int64 // bytes of the present word and its line end still to come

	word   [maxName]byte // the command's name, and then of CLIENT the word behind it
	filled int8          // bytes of word so far; -1: it is too long to matter
	kept   *kept         // of logins the words behind the name

	commands int
	login    *Login
}

type phase uint8

const (
	between  phase = iota // the next byte begins a command
	count                 // the number behind '*'
	countEnd              // the line feed behind it
	dollar                // the '$' of a word
	size                  // the number behind it
	sizeEnd
	payload
)

// maxName is the length of the longest name in kindOf.
const maxName = 10

// Commands returns how many commands have ended.
func (o *Outgoing) Commands() int { return o.commands }

// Between reports whether a command has just ended, or none has begun.
func (o *Outgoing) Between() bool { return o.phase == between && o.off == "" }

// Free reports whether somebody else's command may be sent now without a difference to the
// client's own. It may not once the client has subscribed to something, except in RESP3, see
// Subscribed. discards says that DISCARD ends a MULTI, which an ACL may forbid.
// Where it forbids MULTI itself, there is no knowing: nothing may be sent until the client sends EXEC or DISCARD.
func (o *Outgoing) Free(resp3 int, discards bool) bool {
	return o.Between() && !o.multi && !o.oneShot && (discards || !o.discarded) && !o.Subscribed(resp3)
}

// Subscribed reports whether the client has subscribed to something so far, perhaps in RESP2. resp3 is
// the number of a command that was answered in RESP3; 0: none. It holds until the next HELLO 2.
func (o *Outgoing) Subscribed(resp3 int) bool { return o.subscribed && resp3 <= o.hello2 }

// Off returns why the stream is not followed any more: a command was seen that changes what the
// bytes behind it mean, such as MONITOR, or bytes that are no RESP. Empty: it is followed.
func (o *Outgoing) Off() string { return o.off }

// Follow takes the next bytes that were sent.
func (o *Outgoing) Follow(p []byte) {
	for len(p) > 0 {
		p = p[o.Next(p):]
	}
}

// Next takes the bytes of p up to the end of the first command that ends there, or all
// of p, and returns how many that are.
func (o *Outgoing) Next(p []byte) int {
	if o.off != "" {
		return len(p)
	}
	if o.phase == between {
		if n := o.leap(p); n > 0 {
			return n
		}
	}
	for i := 0; i < len(p); {
		if o.phase != payload {
			o.step(p[i])
			i++
		} else {
			n := int(min(o.size, int64(len(p)-i)))
			o.keep(p[i : i+n])
			i += n
			if o.size -= int64(n); o.size == 0 && o.endWord() {
				return i
			}
		}
		if o.off != "" {
			return len(p)
		}
	}
	return len(p)
}

// leap is Next for a command that lies in p whole, as nearly all do, and is no login.
// For any other it returns 0 and has taken nothing.
func (o *Outgoing) leap(p []byte) int {
	if len(p) == 0 || p[0] != '*' {
		return 0
	}
	words, at := shortNumber(p, 1)
	if words < 1 {
		return 0
	}
	k := ordinary
	for i := range words {
		if at >= len(p) || p[at] != '$' {
			return 0
		}
		size, begin := shortNumber(p, at+1)
		if size < 0 || begin+size+2 > len(p) {
			return 0
		}
		at = begin + size + 2
		switch word := p[begin : begin+size]; {
		case i == 0:
			if k = kindOf(word); k.isLogin() {
				return 0
			}
		case i == 1 && k == client:
			k = kindOfClient(word)
		}
	}
	if k == ordinary { // as nearly all are
		o.commands++
		o.oneShot = false
		return at
	}
	o.kind, o.index = k, int64(words)
	o.endCommand()
	return at
}

// shortNumber reads a line of up to six digits at p[i:], and returns its number and where
// the next line begins; -1 if there is no such line.
func shortNumber(p []byte, i int) (n, next int) {
	if i+2 < len(p) && p[i+1] == '\r' && p[i+2] == '\n' && p[i]-'0' <= 9 { // nearly always
		return int(p[i] - '0'), i + 3
	}
	return longerNumber(p, i)
}

func longerNumber(p []byte, i int) (n, next int) {
	for begin := i; i+1 < len(p) && i-begin <= 6; i++ {
		switch c := p[i]; {
		case c-'0' <= 9 && (i == begin || n > 0):
			n = 10*n + int(c-'0')
		case c == '\r' && i > begin && p[i+1] == '\n':
			return n, i + 2
		default:
			return -1, 0
		}
	}
	return -1, 0
}

// step takes a byte of a header.
func (o *Outgoing) step(c byte) {
	number := o.phase == count || o.phase == size
	switch {
	case o.phase == between && c == '*', o.phase == dollar && c == '$':
		o.phase++
		o.number, o.digits = 0, 0
	case o.phase == between:
		o.giveUp("an inline command")
	case number && '0' <= c && c <= '9' && (o.digits == 0 || o.number > 0) && o.digits < 10:
		o.number = 10*o.number + int64(c-'0')
		o.digits++
	case number && c == '\r' && o.digits > 0:
		o.phase++
	case o.phase == countEnd && c == '\n' && 0 < o.number && o.number <= math.MaxInt32:
		o.phase, o.words, o.index, o.kind = dollar, o.number, 0, ordinary
	case o.phase == sizeEnd && c == '\n' && o.number <= maxBulk:
		o.phase, o.size = payload, o.number+2
		if o.filled = 0; o.number > maxName {
			o.filled = -1
		}
	default:
		o.giveUp("bytes that are not RESP")
	}
}

// keep keeps of the present word, whose next bytes p is, what matters.
func (o *Outgoing) keep(p []byte) {
	p = p[:min(int64(len(p)), max(o.size-2, 0))] // without the line end
	switch {
	case o.kept != nil && (len(o.kept.bytes)+len(p) > maxLogin || len(o.kept.ends) > maxLoginWords):
		o.giveUp("a login of more than a megabyte, or of a hundred words")
	case o.kept != nil:
		o.kept.bytes = append(o.kept.bytes, p...)
	case o.filled >= 0:
		o.filled += int8(copy(o.word[o.filled:], p))
	}
}

// endWord ends the present word and reports whether the command has ended with it.
func (o *Outgoing) endWord() bool {
	word := o.word[:max(o.filled, 0)]
	switch {
	case o.kept != nil:
		o.kept.ends = append(o.kept.ends, len(o.kept.bytes))
	case o.index == 0:
		if o.kind = kindOf(word); o.kind.isLogin() {
			o.kept = &kept{}
		}
	case o.index == 1 && o.kind == client:
		o.kind = kindOfClient(word)
	}
	o.index++
	o.phase = dollar
	if o.words--; o.words > 0 || o.off != "" {
		return false
	}
	o.phase = between
	o.endCommand()
	o.kept = nil
	return true
}

// endCommand notes what the command under way, which has ended, means for what follows.
func (o *Outgoing) endCommand() {
	o.commands++
	o.oneShot = o.oneShot && o.kind == client // Redis forgets CLIENT CACHING only behind other commands
	switch o.kind {
	case authenticate:
		o.endAuth()
	case hello:
		o.endHello()
	case modifier:
		o.oneShot = true
	case multi:
		o.multi = o.multi || o.index == 1 // with arguments it is refused
	case exec: // even if it is refused
		o.multi, o.discarded = false, false
	case discard:
		if o.multi && o.index == 1 { // with arguments it is refused
			o.multi, o.discarded = false, true
		}
	case subscribe:
		o.subscribed = true
	case unfollowable:
		o.giveUp("a command such as MONITOR or CLIENT REPLY")
	}
}

func (o *Outgoing) giveUp(why string) { o.off, o.kept = why, nil }
