package rueidisentra

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/redact"
)

// ConnectError says why a client's first connection failed, and what to do about it.
type ConnectError struct {
	Addr string // what was connected to: InitAddress, and ReplicaAddress if there are any
	Hint string // what a person can do; may be empty
	Err  error  // what rueidis returned
}

func (e *ConnectError) Error() string {
	s := "rueidisentra: cannot connect to " + e.Addr + ": " + redact.Text(e.Err.Error())
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns what rueidis returned.
func (e *ConnectError) Unwrap() error { return e.Err }

// ports are those of Azure's caches.
const ports = "10000 (Azure Managed Redis) or 6380 (Azure Cache for Redis), both of which speak TLS"

// hint returns what a person can do about err.
func hint(err error) string {
	var (
		redisErr  *rueidis.RedisError
		hostname  x509.HostnameError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
		op        *net.OpError
		token     *auth.TokenError
		config    *auth.ConfigError
	)
	switch {
	case errors.As(err, &token), errors.As(err, &config):
		return "" // they say it themselves
	case errors.As(err, &redisErr):
		word, _, _ := strings.Cut(redisErr.Error(), " ")
		switch word {
		case "WRONGPASS":
			return "the principal is not assigned to this cache, or Microsoft Entra Authentication is off there: in the cache's Authentication page " +
				"enable it and add the principal by its object id (not its application id; groups do not work)"
		case "NOPERM":
			return "the principal's access policy lacks this command or key: assign one that has it, such as Data Owner"
		case "NOAUTH":
			return "the server wants a login that the source did not give: do its credentials have a user name?"
		}
	case errors.As(err, &hostname):
		return "the certificate names another host: connect to the cache's own host name, or set ClientOption.TLSConfig.ServerName to it"
	case errors.As(err, &authority):
		return "the certificate's authority is not trusted here: add it to ClientOption.TLSConfig.RootCAs"
	case errors.As(err, &record):
		return "this port does not speak TLS; the port is " + ports
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return "no answer in time: check the host, the cache's firewall or private endpoint, and the port: " + ports
	case errors.As(err, &op):
		return "check the host and the port: " + ports
	case errors.Is(err, io.EOF):
		return "the server ended the connection at once; check the port: " + ports
	}
	return ""
}
