package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Proxy dials through an HTTP proxy by CONNECT, with the login that its URL has. It is a dialer of nats.go. Without a URL it
// takes the proxy that HTTPS_PROXY and NO_PROXY name, or none.
type Proxy struct {
	URL    *url.URL // http:// or https://
	Within time.Duration
}

// ReadProxy reads the address of a proxy; an empty one leaves it to the environment.
func ReadProxy(flag, address string, within time.Duration) (*Proxy, error) {
	if address == "" {
		return &Proxy{Within: within}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, Invalid(flag, "want the address of an HTTP proxy, such as http://user:password@proxy.example.com:3128")
	}
	return &Proxy{URL: u, Within: within}, nil
}

// of is the proxy for an address; nil: none.
func (p *Proxy) of(address string) (*url.URL, error) {
	if p.URL != nil {
		return p.URL, nil
	}
	return http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: address}})
}

// Dial connects to an address, through the proxy if there is one.
func (p *Proxy) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.Within)
	defer cancel()
	via, err := p.of(address)
	if err != nil {
		return nil, fmt.Errorf("read the address of the proxy: %w", err)
	}
	if via == nil {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	conn, err := p.reach(ctx, via)
	if err != nil {
		return nil, fmt.Errorf("reach the proxy %s: %w", via.Host, err)
	}
	through, err := connect(ctx, conn, via, address)
	if err != nil {
		_ = conn.Close() // it is of no use
		return nil, fmt.Errorf("through the proxy %s: %w", via.Host, err)
	}
	return through, nil
}

// reach connects to the proxy itself.
func (p *Proxy) reach(ctx context.Context, via *url.URL) (net.Conn, error) {
	port := via.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[via.Scheme]
	}
	at := net.JoinHostPort(via.Hostname(), port)
	if via.Scheme == "https" {
		return (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", at)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", at)
}

// connect asks a proxy for a way to an address.
func connect(ctx context.Context, conn net.Conn, via *url.URL, address string) (net.Conn, error) {
	if end, bounded := ctx.Deadline(); bounded {
		if err := conn.SetDeadline(end); err != nil {
			return nil, err
		}
	}
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if login := via.User; login != nil {
		password, _ := login.Password()
		basic := http.Request{Header: http.Header{}}
		basic.SetBasicAuth(login.Username(), password)
		r.Header.Set("Proxy-Authorization", basic.Header.Get("Authorization"))
	}
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	ahead := bufio.NewReader(conn)
	answer, err := http.ReadResponse(ahead, r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		err := fmt.Errorf("it answers %s to CONNECT %s", answer.Status, address)
		if answer.StatusCode < http.StatusInternalServerError {
			err = fmt.Errorf("%w: %w", ErrKeptOut, err)
		}
		return nil, err
	}
	return &tunnel{conn, ahead}, conn.SetDeadline(time.Time{})
}

// tunnel is a connection through a proxy. Some of what comes may have been read with the proxy's answer.
type tunnel struct {
	net.Conn
	ahead *bufio.Reader
}

// Read implements net.Conn.
func (t *tunnel) Read(b []byte) (int, error) { return t.ahead.Read(b) }
