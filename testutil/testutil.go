// Package testutil is the test kit: a fake Entra ID, and a Redis that logs in
// with its tokens only and enforces their expiry. Both are real servers on
// loopback, for real azidentity and real Redis clients; nothing of them is meant
// for production.
//
// [Redis] is miniredis, which any machine can run. [RedisServer] is the redis-server of
// this machine, for what miniredis cannot do, and [RedisCluster] a cluster of them.
//
// Each part can be had twice: New...(t) for a test, closed when that ends, and
// Start...() for programs, which call Close. With InMemory, which the real servers do not
// have, no socket is opened, so that [testing/synctest] can fake the hours in which
// tokens expire.
package testutil

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// TB is the part of testing.TB that the kit needs. To be skipped, a test has Skipf as well.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Setenv sets an environment variable: (*testing.T).Setenv, or a wrapper of os.Setenv.
type Setenv func(key, value string)

// listen opens a listener on a free port of loopback, or one without a socket.
// dial connects to it.
func listen(inMemory bool) (l net.Listener, dial func(context.Context) (net.Conn, error), err error) {
	if inMemory {
		p := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		return p, p.dial, nil
	}
	l, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("testutil: %w", err)
	}
	return l, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", l.Addr().String())
	}, nil
}

// newCertificate makes a certificate for the names and addresses of hosts, and
// the pool that trusts it.
func newCertificate(hosts ...string) (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "redisentra test kit"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool, nil
}

// newTLS returns both sides' configurations for a Redis whose certificate names
// localhost, and no address: like in Azure, where names are what certificates have.
// The client's has no ServerName.
func newTLS() (server, client *tls.Config, err error) {
	cert, roots, err := newCertificate("localhost")
	if err != nil {
		return nil, nil, fmt.Errorf("testutil: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

// localhost is g's address under the name of that certificate.
func localhost(g *Gateway) string {
	_, port, _ := net.SplitHostPort(g.Addr())
	return net.JoinHostPort("localhost", port)
}
