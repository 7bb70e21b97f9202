package auth

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// DefaultScope names Redis in Azure, in every cloud. Source:
// https://learn.microsoft.com/azure/azure-cache-for-redis/cache-azure-active-directory-for-authentication
const DefaultScope = "https://redis.azure.com/.default"

// Options adjust a [TokenSource]. The zero value of each field is its default.
type Options struct {
	// Scopes to ask a token for. Most credentials take exactly one. Default: [DefaultScope].
	Scopes []string

	// Username to log in as instead of the token's oid claim. Tokens that
	// are no JWT then work as well.
	Username string

	// RefreshMargin is how long before expiry the next token is asked for. Default, and
	// right for azidentity, whose cache gives the same token until five minutes are left:
	// 5m-1s. More than half of a token's life counts as half of it. With less than four
	// minutes connections look for the next token before it is there, and have to look
	// again. Negative: an error.
	RefreshMargin time.Duration

	// AttemptTimeout bounds one GetToken of the credential, and half of it each HTTP request
	// in that. Default: 10s. Negative: an error. A credential that asks a person needs
	// minutes: call its Authenticate before NewTokenSource.
	AttemptTimeout time.Duration

	// Logger is told of new tokens (Info) and failed attempts (Warn), never of a token's text.
	// Default: silent.
	Logger *slog.Logger

	// OnRefresh is called after each attempt, good or bad, one call at a time and under
	// no lock; the first time before NewTokenSource has returned. It delays the next
	// attempt, so it should be quick. It may call Credentials, Refresh and Stats, but
	// must not call Close.
	OnRefresh func(RefreshEvent)
}

// withDefaults returns a checked copy of o, with the defaults filled in.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	switch {
	case c.RefreshMargin < 0:
		return c, &ConfigError{"auth.Options.RefreshMargin", fmt.Sprintf("%v is negative; leave it 0 for the default, %v before expiry", c.RefreshMargin, maxMargin)}
	case c.AttemptTimeout < 0:
		return c, &ConfigError{"auth.Options.AttemptTimeout", fmt.Sprintf("%v is negative; leave it 0 for the default, 10s", c.AttemptTimeout)}
	case slices.ContainsFunc(c.Scopes, func(s string) bool { return strings.TrimSpace(s) == "" }):
		return c, &ConfigError{"auth.Options.Scopes", "holds an empty scope; leave it nil for " + DefaultScope}
	case strings.TrimSpace(c.Username) != c.Username:
		return c, &ConfigError{"auth.Options.Username", "begins or ends with white space"}
	}
	c.Scopes = slices.Clone(c.Scopes)
	if len(c.Scopes) == 0 {
		c.Scopes = []string{DefaultScope}
	}
	if c.AttemptTimeout == 0 {
		c.AttemptTimeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
