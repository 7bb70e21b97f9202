package wire

// kind is what a command means to who follows a stream.
type kind uint8

const (
	ordinary kind = iota
	authenticate
	hello
	client
	modifier // of the next command: ASKING, CLIENT CACHING
	multi
	exec
	discard
	subscribe
	unfollowable // it changes what the bytes behind it mean
)

// kindOf returns what the command of that name means to a follower.
func kindOf(name []byte) kind {
	switch len(name) {
	case 4:
		switch {
		case is(name, "AUTH"):
			return authenticate
		case is(name, "EXEC"):
			return exec
		case is(name, "QUIT"), is(name, "SYNC"):
			return unfollowable
		}
	case 5:
		switch {
		case is(name, "MULTI"):
			return multi
		case is(name, "HELLO"):
			return hello
		case is(name, "RESET"), is(name, "PSYNC"):
			return unfollowable
		}
	case 6:
		switch {
		case is(name, "CLIENT"):
			return client
		case is(name, "ASKING"):
			return modifier
		}
	case 7:
		switch {
		case is(name, "DISCARD"):
			return discard
		case is(name, "MONITOR"):
			return unfollowable
		}
	case 9:
		if is(name, "SUBSCRIBE") {
			return subscribe
		}
	case 10:
		if is(name, "PSUBSCRIBE") || is(name, "SSUBSCRIBE") {
			return subscribe
		}
	}
	return ordinary
}

// kindOfClient returns what CLIENT with that subcommand means.
func kindOfClient(subcommand []byte) kind {
	switch {
	case is(subcommand, "REPLY"):
		return unfollowable
	case is(subcommand, "CACHING"):
		return modifier
	}
	return client
}

func (k kind) isLogin() bool { return k == authenticate || k == hello }

// is reports whether word is name, which is in capitals.
func is(word []byte, name string) bool {
	if len(word) != len(name) {
		return false
	}
	for i := range len(name) {
		if c := word[i]; c != name[i] && c != name[i]|0x20 {
			return false
		}
	}
	return true
}
