package testutil

import (
	"crypto/rand"
	"errors"
	"sync"
)

// assignments say which principals of an [Entra] may log in to a server, where each of
// them has a user of its own, named by its oid. The server makes it at the first login.
type assignments struct {
	entra   *Entra
	addUser func(name, password string) error

	mu      sync.Mutex                        // guards what follows
	users   map[string]func() (string, error) // make them once and return their passwords, by oid
	revoked map[string]bool                   // by oid
}

func newAssignments(entra *Entra, addUser func(name, password string) error) *assignments {
	return &assignments{entra: entra, addUser: addUser, users: map[string]func() (string, error){}, revoked: map[string]bool{}}
}

// Revoke takes p's assignment to the cache away: its logins are refused with WRONGPASS,
// while connections that are logged in stay until their tokens expire.
func (a *assignments) Revoke(p *Principal) { a.assign(p, false) }

// Assign undoes Revoke. All principals of the Entra are assigned to begin with.
func (a *assignments) Assign(p *Principal) { a.assign(p, true) }

func (a *assignments) assign(p *Principal, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked[p.ObjectID] = !on
}

// admit is the gateway's Login: a good token gets the principal's user.
func (a *assignments) admit(username, token string) (Login, error) {
	oid, expires, err := a.entra.Verify(token)
	if err != nil {
		return Login{}, err
	}
	a.mu.Lock()
	if oid != username || a.revoked[oid] {
		a.mu.Unlock()
		return Login{}, errors.New("testutil: not the name of this token's principal, or not assigned")
	}
	user := a.users[oid]
	if user == nil {
		user = sync.OnceValues(func() (string, error) {
			password := rand.Text()
			return password, a.addUser(oid, password)
		})
		a.users[oid] = user
	}
	a.mu.Unlock()
	password, err := user()
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.users, oid) // the next login tries again
		return Login{}, err
	}
	return Login{Username: oid, Password: password, ExpiresAt: expires}, nil
}

// forgetUsers makes the users anew, for a server that has lost them.
func (a *assignments) forgetUsers() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.users)
}

// knows reports whether there is a user of that name and password.
func (a *assignments) knows(name, password string) bool {
	a.mu.Lock()
	user := a.users[name]
	a.mu.Unlock()
	if user == nil {
		return false
	}
	p, err := user()
	return err == nil && p == password
}
