package testutil_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// fakeEntra is an Entra that counts from when the test began.
type fakeEntra struct {
	*testutil.Entra
	before testutil.Requests
	issued int
}

func (f fakeEntra) Requests() testutil.Requests {
	r := f.Entra.Requests()
	r.Discovery -= f.before.Discovery
	r.Token -= f.before.Token
	r.IMDS -= f.before.IMDS
	r.AppService -= f.before.AppService
	r.Failed -= f.before.Failed
	return r
}

func (f fakeEntra) Issued() []testutil.Issued { return f.Entra.Issued()[f.issued:] }

func newEntra(t *testing.T, inMemory bool) fakeEntra {
	t.Helper()
	return fakeEntra{Entra: testutil.NewEntra(t, &testutil.EntraOptions{InMemory: inMemory})}
}

// lent holds what [borrowEntra] has lent out and got back.
var lent struct {
	sync.Mutex
	back []*testutil.Entra
}

// borrowEntra returns an Entra for this test alone, until it ends. They are used again
// because to make the key of a new one takes longer than most tests.
func borrowEntra(t *testing.T) fakeEntra {
	t.Helper()
	lent.Lock()
	defer lent.Unlock()
	var e *testutil.Entra
	if n := len(lent.back); n > 0 {
		e, lent.back = lent.back[n-1], lent.back[:n-1]
	} else {
		var err error
		e, err = testutil.StartEntra(nil)
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		e.SetLifetime(time.Hour)
		e.SetBrokenJSON(false)
		e.Recover()
		lent.Lock()
		defer lent.Unlock()
		lent.back = append(lent.back, e)
	})
	return fakeEntra{e, e.Requests(), len(e.Issued())}
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, e := range lent.back {
		e.Close()
	}
	os.Exit(code)
}
