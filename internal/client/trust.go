package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
)

// trust adds a CA to those that the system trusts.
func (c *Client) trust(ca []byte) error {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(ca) {
		return errors.New("it has no certificate in PEM")
	}
	c.ca = fingerprint(ca)
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	c.http.Transport = transport
	c.options = append(c.options, func(o *nats.Options) error { o.TLSConfig = config.Clone(); return nil })
	return nil
}

// Trust adds a CA, in PEM, to those that the system trusts; empty: none.
func (c *Client) Trust(ca string) error {
	if ca == "" {
		return nil
	}
	return c.trust([]byte(ca))
}

// findCA is the CA that is given, else the context's, else that of the server's own data directory; none is no error.
func (c *Connection) findCA(used *Context) ([]byte, error) {
	if c.ca == "" {
		dir := c.dataDir
		switch {
		case used != nil && used.CA != "":
			return []byte(used.CA), nil
		case used != nil && used.DataDir != "":
			dir = used.DataDir
		}
		data, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
		if err != nil {
			return nil, nil // a server over TLS is not trusted then, and that is said
		}
		return data, nil
	}
	return ReadFile("--ca", c.ca)
}

// ReadFile reads a file that a flag names.
func ReadFile(flag, path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Invalid(flag, "it can't be read: %v", err)
	}
	return data, nil
}

// DialNATS connects to NATS servers. With tls:// the handshake comes first, as aerie's own server wants it: nothing is said
// in clear. A server that speaks before it is met in its own way, over TLS all the same.
func DialNATS(urls string, options ...nats.Option) (*nats.Conn, error) {
	if !strings.Contains(urls, "tls://") {
		return nats.Connect(urls, options...)
	}
	nc, err := nats.Connect(urls, append([]nats.Option{nats.TLSHandshakeFirst()}, options...)...)
	if record := (tls.RecordHeaderError{}); errors.As(err, &record) {
		return nats.Connect(urls, options...)
	}
	return nc, err
}
