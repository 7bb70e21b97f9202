package testutil_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// pipeGateway returns a gateway that lets everybody in, and a connection through it to
// a server that the test plays.
func pipeGateway(t *testing.T) (g *testutil.Gateway, client, server *client) {
	t.Helper()
	near, far := net.Pipe()
	g, err := testutil.StartGateway(testutil.GatewayOptions{
		Dial:  func(context.Context) (net.Conn, error) { return near, nil },
		Login: func(string, string) (testutil.Login, error) { return testutil.Login{Username: "u", Password: "p"}, nil },
	})
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g, connect(t, g.Dial), newClient(t, far)
}

func TestAReplyIsPassedOnBeforeTheNextOneIsWhole(t *testing.T) {
	t.Parallel()
	_, c, server := pipeGateway(t)
	c.write(command("GET", "a") + command("GET", "b"))
	require.Equal(t, command("GET", "a"), server.reply())
	require.Equal(t, command("GET", "b"), server.reply())
	server.write("$1\r\na\r\n$1000\r\n")
	require.Equal(t, "$1\r\na\r\n", c.reply())
	server.write(strings.Repeat("b", 1000) + "\r\n")
	require.Equal(t, "$1000\r\n"+strings.Repeat("b", 1000)+"\r\n", c.reply())
}

func TestRepliesBeforeBytesThatAreNotRESPArePassedOn(t *testing.T) {
	t.Parallel()
	_, c, server := pipeGateway(t)
	c.write(command("GET", "a"))
	server.reply()
	server.write("$1\r\na\r\nnonsense\r\n")
	require.Equal(t, "$1\r\na\r\n", c.reply())
	c.requireClosed()
}

func TestARefusalIsMatchedBehindAMessageThatCameFirst(t *testing.T) {
	t.Parallel()
	g, c, server := pipeGateway(t)
	c.send("SUBSCRIBE", "a")
	server.reply()
	server.write(confirmation('*', "subscribe", "a", 1))
	c.reply()
	c.write(command("UNSUBSCRIBE", "a") + command("AUTH", "u", "p"))
	server.reply()
	server.reply()
	message := command("message", "a", "hi")
	server.write(message + message + confirmation('*', "unsubscribe", "a", 0) + "-WRONGPASS\r\n")
	c.requireReplies("", message, message, "*3\r\n", wrongpass)
	require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Refused: 1}, g.Stats())
}

func TestRepliesAreMatchedThoughTheyNeverCatchUp(t *testing.T) {
	t.Parallel()
	g, c, server := pipeGateway(t)
	last, auths := "GET", 0
	c.send(last)
	server.reply()
	for i := range 500 {
		next := "GET"
		if i%7 == 0 {
			next = "AUTH"
		}
		c.send(next, "u", "p")
		server.reply()
		server.write("+OK\r\n") // to the one before
		c.reply()
		if last == "AUTH" {
			auths++
		}
		require.Equal(t, auths, g.Stats().Auths)
		last = next
	}
}
