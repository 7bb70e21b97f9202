package reauth_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// times is a command n times.
func times(n int, words ...string) [][]string { return slices.Repeat([][]string{words}, n) }

func TestWhatIsPipelinedBehindALoginThatHasNotBeenAnsweredChangesNothing(t *testing.T) {
	login := []string{"HELLO", "3", "AUTH", "user", "token"}
	for name, commands := range map[string][][]string{
		"many commands":                      slices.Concat([][]string{login}, times(20, "PING")),
		"SUBSCRIBE":                          {login, {"SUBSCRIBE", "c"}, {"PING"}},
		"one more login":                     slices.Concat([][]string{login}, times(20, "PING"), [][]string{login}),
		"a login behind one that is refused": slices.Concat([][]string{{"AUTH", "wrong"}}, times(20, "PING"), [][]string{login}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newSession(t, time.Hour, nil)
				for _, words := range commands {
					se.send(words)
				}
				var got strings.Builder
				got.WriteString(se.drain())
				for range 5 {
					time.Sleep(time.Hour)
					got.WriteString(se.drain())
				}
				se.requireKept(5, got.String())
			})
		})
	}
}

func TestASubscriptionIsKeptInTheProtocolThatTheLoginBegan(t *testing.T) {
	for name, login := range map[string][][]string{
		"HELLO 2 was refused":  {{"HELLO", "2", "AUTH", "user", "wrong"}, {"HELLO", "3", "AUTH", "user", "token"}},
		"HELLO 2 was accepted": {{"HELLO", "2", "AUTH", "user", "token"}, {"HELLO", "3", "AUTH", "user", "token"}},
		"AUTH came behind it":  {{"HELLO", "3", "AUTH", "user", "token"}, {"AUTH", "user", "token"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				se := newSession(t, time.Hour, nil)
				se.send(login...)
				var got strings.Builder
				got.WriteString(se.drain())
				se.send([]string{"SUBSCRIBE", "c"})
				for range 5 {
					time.Sleep(time.Hour)
					got.WriteString(se.drain())
				}
				se.requireKept(5, got.String())
			})
		})
	}
}

func TestSilenceIsExplained(t *testing.T) {
	login := []string{"HELLO", "3", "AUTH", "user", "token"}
	refused := []string{"AUTH", "user", "wrong"}
	for _, test := range []struct {
		says      string
		commands  [][]string
		pipelined bool // they are sent before any reply is read, but for the last one
	}{
		{"did not log in first", times(17, "PING"), false},
		{"did not log in first", slices.Concat([][]string{refused}, times(17, "PING")), true},
		{"perhaps in RESP2", [][]string{{"AUTH", "user", "token"}, {"SUBSCRIBE", "c"}}, false},
		{"not log in by HELLO 3", [][]string{{"AUTH", "user", "token"}, {"HELLO", "3"}, {"SUBSCRIBE", "c"}}, false},
		{"sent HELLO 2 later", [][]string{login, {"HELLO", "2"}, {"SUBSCRIBE", "c"}}, false},
		{"subscribed to something before a login", [][]string{{"SUBSCRIBE", "c"}, login}, false},
		{"subscribed to something before a login", [][]string{refused, {"SUBSCRIBE", "c"}, login}, true},
		{"where it could not be followed", [][]string{login, {"SUBSCRIBE", "c"}, login, {"PING"}}, true},
		{"where it could not be followed", [][]string{login, {"MULTI"}, login, {"EXEC"}}, true},
		{"the client sent a command such as MONITOR", [][]string{login, {"MONITOR"}, {"PING"}}, true},
		{"a command such as MONITOR or CLIENT REPLY before a login", [][]string{refused, {"MONITOR"}, login}, true},
		{"its MULTI", [][]string{{"AUTH", "user", "token"}, {"MULTI"}}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			se := newSession(t, time.Hour, nil)
			for i, c := range test.commands {
				if !test.pipelined || i == len(test.commands)-1 {
					se.drain()
				}
				se.send(c)
			}
			se.drain()
			time.Sleep(70 * time.Minute)
			require.Equal(t, 1, strings.Count(se.logged(), "WARN"), "%v: %s", test.commands, se.logged())
			require.Contains(t, se.logged(), test.says)
			se.drain()
			require.Empty(t, se.told())
		})
	}
}
