package resp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
	"github.com/redisentra/redisentra/pool/resp"
)

func newBufio(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

// over returns a dialer that returns c.
func over(c net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return c, nil }
}

// handler answers one command, in RESP; "" means not at all, and io.EOF ends the connection.
type handler func(args []string) (string, error)

// serve answers commands on c, one by one without looking ahead, until either side ends.
func serve(c net.Conn, h handler) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 16)
	var cmd wire.Command
	for cmd.Read(r) == nil {
		var args []string
		for _, a := range cmd.Args {
			args = append(args, string(a))
		}
		answer, err := h(args)
		if _, werr := io.WriteString(c, answer); werr != nil || err != nil {
			return
		}
	}
}

// dialServer returns a client of a server that h is, over a pipe without any buffer.
func dialServer(t testing.TB, opts resp.Options, h handler) *resp.Conn {
	t.Helper()
	near, far := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serve(far, h)
	}()
	opts.DialContext = over(near)
	c, err := resp.Dial(context.Background(), "tcp", "localhost:1", &opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = c.Close()
		<-ended
	})
	return c
}

// resp3 answers HELLO, and lets h answer the rest.
func resp3(h handler) handler {
	return func(args []string) (string, error) {
		if args[0] == "HELLO" {
			return "%1\r\n+proto\r\n:3\r\n", nil
		}
		return h(args)
	}
}

// echo answers each command with its words.
func echo(args []string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String(), nil
}
