package wire_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
)

func TestOthersMaySpeakWhereRedisKeepsNothingForTheNextCommand(t *testing.T) {
	const neither, resp3, both = "neither", "RESP3 only", "both"
	for _, test := range []struct{ commands, free string }{
		{"", both},
		{"GET k", both},
		{"MULTI", neither},
		{"multi", neither},
		{"MuLtI,GET k", neither},
		{"MULTI,EXEC", both},
		{"MULTI,eXEC", both},
		{"MULTI,DISCARD", both},
		{"MULTI,SET k v,MULTI,EXEC", both}, // the second is refused
		{"MULTI,MULTI", neither},
		{"MULTI,EXEC,MULTI", neither},
		{"MULTI,DISCARD x", neither}, // refused, and the transaction goes on
		{"MULTI,EXEC x", both},       // refused, and the transaction has ended
		{"MULTI,EXEC x,EXEC", both},
		{"MULTI x", both}, // refused
		{"MULTI x,GET k", both},
		{"MULTI,MULTI x", neither},
		{"MULTI,UNWATCH,WATCH k", neither},
		{"EXEC", both},
		{"WATCH k", both},
		{"MULT", both},
		{"MULTIX", both},
		{"EXE", both},
		{"MULTI,EXECX", neither},
		{"MULTI,DISCARDS", neither},
		{"CLIENT CACHING YES", neither},
		{"client caching yes", neither},
		{"CLIENT CACHING NO", neither},
		{"CLIENT CACHING YES,GET k", both},
		{"CLIENT CACHING YES,CLIENT ID", neither}, // Redis keeps it behind any CLIENT
		{"CLIENT CACHING YES,CLIENT ID,CLIENT NO-EVICT ON", neither},
		{"CLIENT CACHING YES,CLIENT ID,GET k", both},
		{"CLIENT CACHING YES,MULTI", neither},
		{"CLIENT CACHING YES,MULTI,GET k", neither},
		{"CLIENT CACHING YES,MULTI,GET k,EXEC", both},
		{"MULTI,CLIENT CACHING YES,EXEC", both},
		{"CLIENT CACHING YES,ASKING,GET k", both},
		{"CLIENT ID", both},
		{"CLIENT", both},
		{"CLIENT CACHINGS YES", both},
		{"CLIENT CACHIN", both},
		{"GET CACHING", both},
		{"CLIENT SETNAME CACHING", both},
		{"CLIENT SETNAME REPLY", both},
		{"CLIENT TRACKING ON OPTIN", both},
		{"ASKING", neither},
		{"asking,GET k", both},
		{"ASKING,ASKING", neither},
		{"ASKING,CLIENT CACHING YES", neither},
		{"SUBSCRIBE c", resp3},
		{"psubscribe c", resp3},
		{"SSUBSCRIBE c", resp3},
		{"SUBSCRIBE c,UNSUBSCRIBE c", resp3},
		{"UNSUBSCRIBE", both},
		{"PUNSUBSCRIBE", both},
		{"SUBSCRIBER", both},
		{"PSUBSCRIBES x", both},
		{"XSUBSCRIBE", both},
		{"SUBSCRIBE c,HELLO 2", neither},
		{"HELLO 2,SUBSCRIBE c", neither},
		{"HELLO 2,HELLO 3,SUBSCRIBE c", neither},
		{"HELLO 2", both},
		{"HELLO 3", both},
		{"HELLO", both},
		{"HELLO 3,SUBSCRIBE c,HELLO 3", resp3},
		{"MULTI,SUBSCRIBE c,EXEC", resp3},
		{"SUBSCRIBE c,MULTI", neither},
	} {
		t.Run(test.commands, func(t *testing.T) {
			var o wire.Outgoing
			var stream string
			if test.commands != "" {
				stream = sent(strings.Split(test.commands, ",")...)
			}
			o.Follow([]byte(stream))
			require.Equal(t, test.free == both, o.Free(0, true))
			require.Equal(t, test.free != neither, o.Free(1, true))
			require.True(t, o.Between())
			require.Empty(t, o.Off())
			requireFollowedAlike(t, stream)
		})
	}
}

func TestASubscriptionIsInRESP3UntilTheNextHELLO2(t *testing.T) {
	for commands, free := range map[string]bool{
		"HELLO 2 AUTH u p,HELLO 3 AUTH u p,SUBSCRIBE c":            true,
		"GET k,HELLO 3 AUTH u p,SUBSCRIBE c,HELLO 3":               true,
		"HELLO 3,HELLO 2 AUTH u p,SUBSCRIBE c":                     false,
		"HELLO 2,HELLO 3 AUTH u p,SUBSCRIBE c,HELLO 2":             false,
		"HELLO 2,HELLO 3 AUTH u p,HELLO 2,HELLO 3,SUBSCRIBE c":     false,
		"HELLO 2,HELLO 3 AUTH u p,MULTI,HELLO 2,EXEC,SSUBSCRIBE c": false,
	} {
		var o wire.Outgoing
		o.Follow([]byte(sent(strings.Split(commands, ",")...)))
		require.Equal(t, free, o.Free(2, true), "the second command was answered in RESP3: %s", commands)
		require.Equal(t, !free, o.Subscribed(2))
	}
}

func TestAStreamIsNotFollowedBehindWhatChangesItsMeaning(t *testing.T) {
	for _, stream := range []string{
		sent("MONITOR"), sent("monitor"), sent("SYNC"), sent("PSYNC ? -1"), sent("RESET"), sent("QUIT"),
		sent("CLIENT REPLY OFF"), sent("CLIENT REPLY SKIP"), sent("CLIENT REPLY ON"), sent("client reply"),
		sent("MULTI", "QUIT"), sent("CLIENT CACHING YES", "CLIENT REPLY SKIP"),
		"PING\r\n", "\r\n", "\n", " *1\r\n", "GET k\n", "$4\r\nPING\r\n", "+OK\r\n", "\x00",
		"*0\r\n", "*-1\r\n", "*\r\n", "*01\r\n", "*+1\r\n", "*1 \r\n", "*1\n", "*1\rx", "*1\r\r", "*00", "*x", "**", "*1\r\n*", "*1\r\n\r\n",
		"*2147483648\r\n", "*99999999999", "*12345678901",
		"*1\r\n$\r\n", "*1\r\n$-1\r\n", "*1\r\n$04\r\n", "*1\r\n$+4", "*1\r\n$4\n", "*1\r\n$536870913\r\n", "*1\r\n:4\r\n", "*1\r\n$00",
	} {
		for _, before := range []string{"", sent("GET k"), sent("GET k", "AUTH p", "MULTI")} {
			var o wire.Outgoing
			o.Follow([]byte(before + stream + "x"))
			require.NotEmpty(t, o.Off(), "%q", stream)
			require.False(t, o.Between())
			require.False(t, o.Free(1, true))
			o.Follow([]byte(sent("EXEC", "GET k", "HELLO 3 AUTH u p")))
			require.NotEmpty(t, o.Off(), "for good")
			require.False(t, o.Free(1, true))
			requireFollowedAlike(t, before+stream)
		}
	}
}

func TestWhatHasNotEndedIsNeitherBetweenNorOff(t *testing.T) {
	stream := sent("GET k", "SET key 0123456789", "AUTH user password")
	ends := map[int]bool{0: true}
	for _, m := range referenceFollow(stream).moments {
		ends[m.end] = true
	}
	for end := range len(stream) {
		var o wire.Outgoing
		o.Follow([]byte(stream[:end]))
		require.Equal(t, ends[end], o.Between(), "%q", stream[:end])
		require.Equal(t, ends[end], o.Free(1, true))
		require.Empty(t, o.Off())
	}
	for _, stream := range []string{"*2147483647\r\n$536870912\r\n", "*1\r\n$536870912\r\nabc", "*2147483647\r\n$4\r\nAUTH\r\n$0\r\n\r\n"} {
		require.Less(t, allocated(func() { requireFollowedAlike(t, stream) }), uint64(1<<20))
	}
}

func TestALoginIsKeptHoweverItIsWritten(t *testing.T) {
	login := func(user, password string, resp3 bool) *wire.Login {
		return &wire.Login{Username: user, Password: password, RESP3: resp3}
	}
	for commands, want := range map[string]*wire.Login{
		"AUTH p":                             login("default", "p", false),
		"auth u p":                           login("u", "p", false),
		"AUTH":                               nil,
		"AUTH u p x":                         nil,
		"AUTHX u p":                          nil,
		"AUT u p":                            nil,
		"AUTH  ":                             login("", "", false), // two empty words
		"AUTH AUTH AUTH":                     login("AUTH", "AUTH", false),
		"HELLO":                              nil,
		"HELLO 3":                            nil,
		"HELLO 3 SETNAME n":                  nil,
		"HELLO 3 AUTH u p":                   login("u", "p", true),
		"HELLO 2 AUTH u p":                   login("u", "p", false),
		"HELLO 4 AUTH u p":                   login("u", "p", false), // which the server refuses
		"hello 3 auth u p":                   login("u", "p", true),
		"HELLO 3 SETNAME n AUTH u p":         login("u", "p", true),
		"HELLO 3 AUTH u p SETNAME n":         login("u", "p", true),
		"HELLO 3 SETNAME AUTH AUTH u p":      login("u", "p", true),
		"HELLO 3 AUTH SETNAME AUTH":          login("SETNAME", "AUTH", true),
		"HELLO 3 SETNAME n SETNAME m":        nil,
		"HELLO 3 AUTH u p AUTH v q":          login("v", "q", true), // so does Redis
		"HELLO 3 AUTH u p BOGUS":             login("u", "p", true), // an error, but Redis has logged in
		"HELLO 3 AUTH u":                     nil,
		"HELLO 3 SETNAME":                    nil,
		"HELLO 3 BOGUS AUTH u p":             nil,
		"HELLO AUTH u p":                     nil,
		"HELLO 3 AUTHX u p":                  nil,
		"HELLO 3  AUTH u p":                  nil, // an empty option
		"HELLO 3 AUTH  ":                     login("", "", true),
		"GET AUTH u":                         nil,
		"HELLO 3 AUTH u p,GET k":             nil, // taken already
		"CLIENT CACHING YES,AUTH u p,CLIENT": nil,
	} {
		var o wire.Outgoing
		f := follow(&o, sent(strings.Split(commands, ",")...))
		got := f.moments[len(f.moments)-1].login
		if want == nil {
			want = &wire.Login{}
		}
		require.Equal(t, *want, got, commands)
		require.False(t, o.LoggedIn())
		require.Nil(t, o.TakeLogin())
		requireFollowedAlike(t, sent(strings.Split(commands, ",")...))
	}
}

func TestALoginWaitsUntilItIsTaken(t *testing.T) {
	var o wire.Outgoing
	o.Follow([]byte(sent("AUTH u p", "PING", "GET k")))
	require.True(t, o.LoggedIn())
	require.Equal(t, "u", o.TakeLogin().Username)
	require.Nil(t, o.TakeLogin())
}

func TestALoginMayHaveAMegabyteAndNoMore(t *testing.T) {
	for size, off := range map[int]bool{1<<20 - 1: false, 1 << 20: true, 3 << 20: true} { // and a byte of user
		for _, c := range []string{"AUTH u ", "HELLO 3 AUTH u "} {
			stream := sent("GET k", c+strings.Repeat("t", size-len(c)+len("AUTH u ")), "PING")
			want := referenceFollow(stream)
			if c == "AUTH u " {
				require.Equal(t, off, want.off)
			}
			r := rand.New(rand.NewPCG(1, uint64(size)))
			for range 20 {
				cuts := []int{r.IntN(len(stream)), r.IntN(len(stream)), 1 << 19, 1 << 20}
				slices.Sort(cuts)
				var o wire.Outgoing
				require.Equal(t, want, follow(&o, stream, cuts...))
			}
		}
	}
	// Other commands may.
	var o wire.Outgoing
	o.Follow([]byte(sent("SET k " + strings.Repeat("v", 3<<20))))
	require.True(t, o.Free(0, true))
}

func TestNoCutMakesADifference(t *testing.T) {
	for _, stream := range []string{
		sent("HELLO 3 AUTH user token SETNAME n", "CLIENT CACHING YES", "MULTI", "PTTL k", "GET k", "EXEC", "SET k 0123456789"),
		sent("AUTH p", "ASKING", "GET k", "subscribe c", "PING", "CLIENT ID", "MULTI", "DISCARD x", "DISCARD", "CLIENT REPLY OFF", "GET k"),
		sent(" ", "  ", "MULTI ", "EXEC  ", "CLIENT ", "CLIENT  x", "GET *1\r\n$4\r\nAUTH\r\n", "MONITOR", "PING"),
		sent("PSUBSCRIBE a", "PSUBSCRIBER", "0123456789", "01234567890", "DISCARD", "SUBSCRIBE", "HELLO 2") + "PING\r\n",
		"*2\r\n$3\r\nGETxx$1\r\nkyy*1\r\n$4\r\nPING\n\n*1\r\n$0\r\n\r\n", // Redis does not look at line ends
		"*10\r\n" + strings.Repeat("$10\r\n0123456789\r\n", 10) + sent("GET k") + "*1000000\r\n$100000\r\nabc",
	} {
		requireFollowedAlike(t, stream)
	}
}

// requireFollowedAlike requires that Outgoing, however stream is cut, and the reference agree.
func requireFollowedAlike(t *testing.T, stream string) {
	t.Helper()
	want := referenceFollow(stream)
	var whole, single wire.Outgoing
	require.Equal(t, want, follow(&whole, stream), "%q", stream)
	require.Equal(t, want, follow(&single, stream, everyByteCut(len(stream))...), "%q", stream)
	require.Equal(t, whole.Off(), single.Off())
	for i := range len(stream) {
		var o wire.Outgoing
		require.Equal(t, want, follow(&o, stream, i), "%q cut at %d", stream, i)
		require.Equal(t, whole.Off(), o.Off())
	}
}

func TestFollowingCostsNoMemory(t *testing.T) {
	stream := []byte(sent("GET k", "SET key 0123456789", "MULTI", "GET k", "EXEC", "CLIENT CACHING YES", "GET k", "ASKING", "CLIENT ID", "SUBSCRIBE c", "MULTI", "DISCARD"))
	var o wire.Outgoing
	require.Zero(t, testing.AllocsPerRun(100, func() { o.Follow(stream) }), "whole")
	at := 0
	require.Zero(t, testing.AllocsPerRun(2*len(stream), func() {
		o.Follow(stream[:at%len(stream)])
		o.Follow(stream[at%len(stream):])
		at++
	}), "cut in two")
	require.Zero(t, testing.AllocsPerRun(10, func() {
		for i := range stream {
			o.Follow(stream[i : i+1])
		}
	}), "byte by byte")
	require.True(t, o.Free(1, true))
}

func FuzzOutgoing(f *testing.F) {
	words := []string{
		"GET", "MULTI", "EXEC", "DISCARD", "CLIENT", "CACHING", "REPLY", "ASKING", "HELLO", "AUTH", "SETNAME", "2", "3", "", "SUBSCRIBE", "PSUBSCRIBE",
		"SSUBSCRIBE", "MONITOR", "QUIT", "u", "multi", "Exec", "client", "caching", "auth", "hello", "YES", "0123456789", "01234567890", "*1\r\n$4\r\nQUIT\r\n",
	}
	f.Add([]byte{}, []byte("*1\r\n$4\r\nPING\r\n"), uint64(0))
	f.Add([]byte{1, 1, 2, 0, 19, 3, 4, 5, 26, 1, 1, 1, 2}, []byte("*0\r\n"), uint64(1))
	f.Add([]byte{6, 8, 12, 9, 19, 19, 10, 19, 2, 9, 19, 1, 7, 2, 22, 23, 2, 4, 6}, []byte("*2\r\n$4\r\nAUTH\r\n$536870912\r\nx"), uint64(2))
	f.Add([]byte{2, 14, 19, 1, 20, 2, 3, 0, 1, 2, 1, 27, 1, 28}, []byte("*2147483647\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n"), uint64(3))
	f.Add([]byte{}, []byte("*1\r\n$4\r\nMULTIx*1\r\n$04\r\n"), uint64(4))
	f.Fuzz(func(t *testing.T, script, raw []byte, seed uint64) {
		// script is commands of words from the list, each with their number in front.
		var stream []byte
		for len(script) > 1 {
			n := min(1+int(script[0]%8), len(script)-1)
			var command []string
			for _, i := range script[1 : 1+n] {
				command = append(command, words[int(i)%len(words)])
			}
			stream, script = wire.AppendCommand(stream, command...), script[1+n:]
		}
		all := string(append(stream, raw...))
		want := referenceFollow(all)
		r := rand.New(rand.NewPCG(seed, 0))
		for _, cuts := range [][]int{nil, everyByteCut(len(all)), randomCuts(len(all), r), randomCuts(len(all), r)} {
			var o wire.Outgoing
			require.Equal(t, want, follow(&o, all, cuts...), "%q", all)
			require.Equal(t, len(want.moments), o.Commands())
		}
	})
}

func TestWhereTheACLForbidsDISCARDOnlyEXECEndsAMULTI(t *testing.T) {
	for _, c := range []struct {
		names string
		free  bool
	}{
		{"DISCARD", true},
		{"MULTI DISCARD", false},
		{"MULTI EXEC", true},
		{"MULTI DISCARD GET", false},
		{"MULTI DISCARD EXEC", true},
		{"MULTI DISCARD EXEC,x", true},
		{"MULTI DISCARD,x EXEC", true},
		{"MULTI DISCARD,x", false},
		{"MULTI,x DISCARD", true},
		{"MULTI DISCARD MULTI EXEC", true},
		{"MULTI DISCARD MULTI DISCARD", false},
		{"MULTI EXEC DISCARD", true},
	} {
		var o wire.Outgoing
		for name := range strings.FieldsSeq(c.names) {
			o.Follow(wire.AppendCommand(nil, strings.Split(name, ",")...))
		}
		require.Equal(t, c.free, o.Free(1, false), c.names)
	}
}
