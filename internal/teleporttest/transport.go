package teleporttest

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// trackingListener remembers its open connections, so that they can be cut.
type trackingListener struct {
	net.Listener
	mu    sync.Mutex
	conns map[*trackedConn]struct{}
}

func newTrackingListener(l net.Listener) *trackingListener {
	return &trackingListener{Listener: l, conns: make(map[*trackedConn]struct{})}
}

func (l *trackingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &trackedConn{Conn: c, lis: l}
	l.mu.Lock()
	l.conns[t] = struct{}{}
	l.mu.Unlock()
	return t, nil
}

// drop closes all open connections.
func (l *trackingListener) drop() {
	l.mu.Lock()
	conns := make([]*trackedConn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // the other side is meant to see a broken connection
	}
}

type trackedConn struct {
	net.Conn
	lis *trackingListener
}

func (c *trackedConn) Close() error {
	c.lis.mu.Lock()
	delete(c.lis.conns, c)
	c.lis.mu.Unlock()
	return c.Conn.Close()
}

// authInfo is what a call knows of its connection: the verified certificate,
// and the connection itself, which a fault may cut.
type authInfo struct {
	credentials.TLSInfo
	raw net.Conn
}

// transportCredentials are mutual TLS credentials whose AuthInfo also carries
// the connection.
type transportCredentials struct {
	credentials.TransportCredentials
}

func newTransportCredentials(a *authority) (credentials.TransportCredentials, error) {
	cert, err := a.serverCertificate()
	if err != nil {
		return nil, err
	}
	return &transportCredentials{credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    a.pool(),
		MinVersion:   tls.VersionTLS12,
	})}, nil
}

func (c *transportCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	return conn, authInfo{TLSInfo: info.(credentials.TLSInfo), raw: raw}, nil
}

func (c *transportCredentials) Clone() credentials.TransportCredentials {
	return &transportCredentials{c.TransportCredentials.Clone()}
}

// caller is who calls, as the client certificate says.
type caller struct {
	user  string
	roles []string
}

// callerOf reads the caller from the certificate: Teleport keeps the username
// in the common name and the roles in the organizations.
func callerOf(ctx context.Context) caller {
	info, ok := authInfoOf(ctx)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return caller{} // cannot happen: the handshake requires a certificate
	}
	subject := info.State.PeerCertificates[0].Subject
	roles := slices.Sorted(slices.Values(subject.Organization)) // a set, in the certificate's own order
	return caller{user: subject.CommonName, roles: roles}
}

func authInfoOf(ctx context.Context) (authInfo, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return authInfo{}, false
	}
	info, ok := p.AuthInfo.(authInfo)
	return info, ok
}
