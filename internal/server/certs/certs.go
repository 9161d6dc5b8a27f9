// Package certs has the certificate that a server shows on its listeners: one of the operator's, from files, or one of a
// CA that aerie makes for itself at the first start.
//
// It knows nothing of HTTP or NATS: what it gives is a tls.Config whose certificate is looked up at each handshake, so that
// a renewed one is shown to the next who comes and nobody's connection is cut. Begin with Files and NewOwn. What they return
// may be used from any goroutine. A kill while the CA is made leaves a whole one or none: its certificate, without which
// there is none, is renamed into place last. Where keys are sealed the CA is in the keyring, and the data directory has its
// certificate alone.
package certs

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how long files are taken to be as they were, so that many handshakes cost one look.
const lookEvery = time.Second

// Files is the TLS of a server whose certificate, with the chain to its CA, and key are in PEM files. They are read again
// once they changed. A pair that cannot be read or does not fit is logged once, and the one before goes on being shown.
func Files(cert, key string) (*tls.Config, error) {
	f := &files{cert: cert, key: key}
	if err := f.load(); err != nil {
		return nil, err
	}
	return showing(f.get), nil
}

// showing is the TLS of a server that looks its certificate up at each handshake.
func showing(get func() *tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return get(), nil },
	}
}

// files is a certificate in files.
type files struct {
	cert, key string

	mu     sync.Mutex
	held   *tls.Certificate
	stamp  string // of the files that were read last, good or bad
	looked time.Time
}

func (f *files) get() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < lookEvery {
		return f.held
	}
	if f.stamps() == f.stamp {
		f.looked = time.Now()
		return f.held
	}
	if err := f.load(); err != nil {
		slog.Error("the certificate of before is shown on", "err", err)
	} else {
		slog.Info("the certificate was renewed", "until", f.held.Leaf.NotAfter)
	}
	return f.held
}

// load reads the files.
func (f *files) load() error {
	f.looked, f.stamp = time.Now(), f.stamps()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("read the certificate %s with the key %s: %w", f.cert, f.key, err)
	}
	f.held = &pair
	return nil
}

// stamps tells whether the files changed. A secret that Kubernetes mounts is a link, which is followed.
func (f *files) stamps() string {
	s := ""
	for _, name := range []string{f.cert, f.key} {
		if i, err := os.Stat(name); err == nil {
			s += fmt.Sprintf("%d %d;", i.ModTime().UnixNano(), i.Size())
		}
	}
	return s
}
