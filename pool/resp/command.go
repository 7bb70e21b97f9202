package resp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redisentra/redisentra/internal/redact"
	"github.com/redisentra/redisentra/internal/wire"
)

// class is what a command means to the connection that carries it.
type class uint8

const (
	ordinary  class = iota
	login           // its error may repeat what is secret
	multi           // begins a transaction
	finish          // ends one
	subscribe       // is confirmed by a push for each channel
)

// session is what commands have made of the connection.
type session struct {
	resp3   bool
	greet   bool // the next login is to say HELLO
	inMulti bool
}

// classify returns the class of a command, or why it is refused. The length of the name tells
// most commands apart.
func classify(args []string) (class, error) {
	if len(args) == 0 {
		return ordinary, errors.New("resp: a command without a name")
	}
	name := args[0]
	is := func(s string) bool { return strings.EqualFold(name, s) }
	switch len(name) {
	case 4:
		switch {
		case is("AUTH"):
			return login, nil
		case is("EXEC"):
			return finish, nil
		case is("SYNC"):
			return refuse(name, "what follows are no replies")
		}
	case 5:
		switch {
		case is("MULTI"):
			return multi, nil
		case is("HELLO") && len(args) > 1:
			return refuse(name, "Dial and Auth speak it")
		case is("RESET"):
			return refuse(name, "it changes the protocol and ends the login; dial anew")
		case is("PSYNC"):
			return refuse(name, "what follows are no replies")
		}
	case 6:
		if is("CLIENT") && len(args) > 2 && strings.EqualFold(args[1], "REPLY") && !strings.EqualFold(args[2], "ON") {
			return refuse(name+" REPLY", "commands without a reply cannot be told from those with one")
		}
	case 7:
		switch {
		case is("DISCARD"):
			return finish, nil
		case is("MONITOR"):
			return refuse(name, "what follows are no replies")
		}
	case 9, 10, 11, 12:
		if isSubscription(name) {
			if len(args) == 1 {
				return refuse(name+" without a channel", "it has an unknown number of replies")
			}
			return subscribe, nil
		}
	}
	return ordinary, nil
}

func refuse(what, why string) (class, error) {
	return ordinary, fmt.Errorf("resp: %s is refused: %s", strings.ToUpper(what), why)
}

func isSubscription(name string) bool {
	for _, s := range []string{"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"} {
		if strings.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// settle draws the conclusions from the reply to a command.
func (c *Conn) settle(what class, args []string, v *Value) {
	switch what {
	case login:
		if v.failed() {
			v.text = redact.Reply(v.text, args[1:]...)
		}
		c.forget()
	case multi:
		c.inMulti = c.inMulti || !v.failed()
	case finish:
		c.inMulti = c.inMulti && strings.HasPrefix(v.text, "NOPERM ") // MOVED and the like end it, too
	}
}

// forget clears what was sent last.
func (c *Conn) forget() { clear(c.out[:cap(c.out)]) }

// maySubscribe returns why the connection cannot be subscribed to anything.
func (c *Conn) maySubscribe(name string) error {
	switch {
	case !c.resp3:
		_, err := refuse(name, "messages cannot be told from replies in RESP2, which this connection speaks")
		return err
	case c.inMulti:
		_, err := refuse(name, "it would be queued in a MULTI, and its replies come without one")
		return err
	}
	return nil
}

// subscribe sends a command that is confirmed by a push for each channel, and returns the last.
func (c *Conn) subscribe(args []string) (v Value, err error) {
	if err := c.send(args); err != nil {
		return v, err
	}
	for confirmed := 0; ; {
		v = Value{}
		if err := c.r.reply(&v); err != nil {
			return v, err
		}
		switch {
		case v.failed():
			return v, nil
		case v.kind != KindPush:
			return v, fmt.Errorf("%w: a reply of kind %v where a subscription is confirmed", wire.ErrProtocol, v.kind)
		case confirms(v, args[0], args[1+confirmed]):
			if confirmed++; confirmed == len(args)-1 {
				return v, nil
			}
		default:
			c.push(v)
		}
	}
}

// confirms reports whether a push says that the command name was done with channel.
func confirms(v Value, name, channel string) bool {
	return len(v.elems) == 3 && strings.EqualFold(v.elems[0].text, name) && v.elems[1].text == channel && v.elems[2].kind == KindInteger
}
