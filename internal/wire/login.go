package wire

const (
	// maxLogin is how long a login may be. Tokens have some kilobytes at most.
	maxLogin      = 1 << 20
	maxLoginWords = 100
)

// Login is what a client logs in with.
type Login struct {
	Username, Password string
	RESP3              bool // asked for at the same time
}

// kept are words of a command, in one piece.
type kept struct {
	bytes []byte
	ends  []int // of each word
}

// LoggedIn reports whether TakeLogin has one to return.
func (o *Outgoing) LoggedIn() bool { return o.login != nil }

// TakeLogin returns the last login that nobody has taken yet; nil if there is none.
func (o *Outgoing) TakeLogin() *Login {
	l := o.login
	o.login = nil
	return l
}

// endAuth notes the login of an AUTH.
func (o *Outgoing) endAuth() {
	switch words := o.kept; words.len() {
	case 1:
		o.login = &Login{"default", string(words.word(0)), false}
	case 2:
		o.login = &Login{string(words.word(0)), string(words.word(1)), false}
	}
}

// endHello notes the login of a HELLO, the last one if there are several in it.
func (o *Outgoing) endHello() {
	words := o.kept
	resp3 := string(words.word(0)) == "3"
	if string(words.word(0)) == "2" {
		o.hello2 = o.commands
	}
	for i := 1; i < words.len(); {
		switch {
		case Is(words.word(i), "AUTH") && i+2 < words.len():
			o.login = &Login{string(words.word(i + 1)), string(words.word(i + 2)), resp3}
			i += 3
		case Is(words.word(i), "SETNAME"):
			i += 2
		default:
			return // an error
		}
	}
}

// len returns how many words are kept.
func (k *kept) len() int { return len(k.ends) }

// word returns the i-th word; nil if there are not so many.
func (k *kept) word(i int) []byte {
	switch {
	case i >= len(k.ends):
		return nil
	case i == 0:
		return k.bytes[:k.ends[0]]
	}
	return k.bytes[k.ends[i-1]:k.ends[i]]
}
