package client

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// trust adds a CA to those that the system trusts.
func (c *Client) trust(ca []byte) error {
	pool, ok := systemAnd(ca)
	if !ok {
		return errors.New("it has no certificate in PEM")
	}
	c.ca = func() []byte { return ca }
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	c.http.Transport = overTLS(config)
	c.options = append(c.options, func(o *nats.Options) error { o.TLSConfig = config.Clone(); return nil })
	return nil
}

// trustFile adds the CA in a file to those that the system trusts, as the file is at each handshake. A server writes it at its first
// start, before it lets anybody in, and who waits for that server may have begun before.
func (c *Client) trustFile(name string) {
	read := &caFile{name: name}
	c.ca = func() []byte { ca, _ := read.now(); return ca }
	c.http.Transport = read
	c.options = append(c.options, func(o *nats.Options) error {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		o.RootCAsCB = func() (*x509.CertPool, error) {
			pool, _ := systemAnd(c.ca())
			return pool, nil
		}
		return nil
	})
}

// caFile is a file with a CA, and the transport for what it held when it was last read.
type caFile struct {
	name string

	mu   sync.Mutex
	held []byte
	with *http.Transport
}

// now is what the file holds, which is nothing if it is not there, and the transport that trusts it.
func (f *caFile) now() ([]byte, *http.Transport) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ca, _ := os.ReadFile(f.name) // a server over TLS is not trusted without it, and that is said
	if f.with == nil || !bytes.Equal(ca, f.held) {
		if f.with != nil {
			f.with.CloseIdleConnections()
		}
		pool, _ := systemAnd(ca)
		f.held, f.with = ca, overTLS(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	}
	return f.held, f.with
}

// RoundTrip asks as http.Transport does.
func (f *caFile) RoundTrip(r *http.Request) (*http.Response, error) {
	_, with := f.now()
	return with.RoundTrip(r)
}

// CloseIdleConnections does so for http.Client.
func (f *caFile) CloseIdleConnections() {
	_, with := f.now()
	with.CloseIdleConnections()
}

// systemAnd adds a CA in PEM to those that the system trusts; false: there is none in it.
func systemAnd(ca []byte) (*x509.CertPool, bool) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	return pool, pool.AppendCertsFromPEM(ca)
}

func overTLS(config *tls.Config) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	return transport
}

// Trust adds a CA, in PEM, to those that the system trusts; empty: none.
func (c *Client) Trust(ca string) error {
	if ca == "" {
		return nil
	}
	return c.trust([]byte(ca))
}

// findCA is the CA that is given, else the context's; else the file of the server's own data directory, which may not be there yet.
func (c *Connection) findCA(used *Context) (ca []byte, file string, err error) {
	switch {
	case c.ca != "":
		ca, err = ReadFile("--ca", c.ca)
		return ca, "", err
	case used != nil && used.CA != "":
		return []byte(used.CA), "", nil
	}
	return nil, filepath.Join(cmp.Or(dataDirOf(used), c.dataDir), "tls", "ca.pem"), nil
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
