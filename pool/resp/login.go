package resp

import (
	"context"
	"errors"
	"strings"
)

// Auth logs in, or logs in anew: it sends HELLO 3 AUTH if the server has wanted a login before
// it would answer HELLO, and AUTH otherwise. An empty username is the default user.
//
// An error that the server replies is an [*Error], without what it may repeat of the password. The connection, and
// an earlier login on it, are as good as before.
func (c *Conn) Auth(ctx context.Context, username, password string) error {
	w, err := c.enter(ctx)
	if err != nil {
		return err
	}
	var v Value
	if c.inMulti {
		c.release(w)
		return errors.New("resp: AUTH in the middle of a MULTI would be queued; send EXEC or DISCARD first")
	}
	if err = c.leave(ctx, w, c.auth(&v, username, password)); err != nil {
		return err
	}
	return v.Err()
}

// auth logs in.
func (c *Conn) auth(v *Value, username, password string) error {
	if c.greet {
		name := username
		if name == "" {
			name = "default"
		}
		args := []string{"HELLO", "3", "AUTH", name, password}
		if err := c.roundTrip(v, args); err != nil {
			return err
		}
		c.settle(login, []string{"HELLO", password}, v)
		switch {
		case !v.failed():
			c.greet, c.resp3 = false, true
			return nil
		case !lacksHello(v.text):
			return nil
		}
		c.greet = false
		*v = Value{}
	}
	args := []string{"AUTH", username, password}
	if username == "" {
		args = []string{"AUTH", password}
	}
	if err := c.roundTrip(v, args); err != nil {
		return err
	}
	c.settle(login, []string{"AUTH", password}, v)
	return nil
}

// hello asks for RESP3, if the server speaks it to whoever has not logged in.
func (c *Conn) hello(v *Value) error {
	if err := c.roundTrip(v, []string{"HELLO", "3"}); err != nil {
		return err
	}
	switch {
	case !v.failed():
		c.resp3 = true
	case strings.HasPrefix(v.text, "NOAUTH"):
		c.greet = true
	case !lacksHello(v.text):
		return v.Err()
	}
	return nil
}

// lacksHello reports whether an error in reply to HELLO means that the server speaks RESP2 only.
func lacksHello(message string) bool {
	for _, prefix := range []string{"ERR ", "NOPROTO", "NOPERM"} {
		if strings.HasPrefix(message, prefix) {
			return !strings.HasPrefix(message, "ERR max number of clients")
		}
	}
	return false
}
