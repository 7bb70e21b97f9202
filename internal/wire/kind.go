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
		case Is(name, "AUTH"):
			return authenticate
		case Is(name, "EXEC"):
			return exec
		case Is(name, "QUIT"), Is(name, "SYNC"):
			return unfollowable
		}
	case 5:
		switch {
		case Is(name, "MULTI"):
			return multi
		case Is(name, "HELLO"):
			return hello
		case Is(name, "RESET"), Is(name, "PSYNC"):
			return unfollowable
		}
	case 6:
		switch {
		case Is(name, "CLIENT"):
			return client
		case Is(name, "ASKING"):
			return modifier
		}
	case 7:
		switch {
		case Is(name, "DISCARD"):
			return discard
		case Is(name, "MONITOR"):
			return unfollowable
		}
	case 9:
		if Is(name, "SUBSCRIBE") {
			return subscribe
		}
	case 10:
		if Is(name, "PSUBSCRIBE") || Is(name, "SSUBSCRIBE") {
			return subscribe
		}
	}
	return ordinary
}

// kindOfClient returns what CLIENT with that subcommand means.
func kindOfClient(subcommand []byte) kind {
	switch {
	case Is(subcommand, "REPLY"):
		return unfollowable
	case Is(subcommand, "CACHING"):
		return modifier
	}
	return client
}

func (k kind) isLogin() bool { return k == authenticate || k == hello }

// Is reports whether word is name, which is in capital letters.
func Is(word []byte, name string) bool {
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
