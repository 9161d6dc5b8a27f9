package certs

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/events/keyring"
)

// How long certificates are good. A server's is made anew in memory, at each start and at half its time.
const (
	caGood   = 10 * 365 * 24 * time.Hour
	leafGood = 30 * 24 * time.Hour
	skew     = time.Hour // by which a client's clock may be behind
)

// CAFile is the certificate of aerie's own CA, below a data directory. Who trusts it needs nothing else.
const CAFile = "tls/ca.pem"

// keyFile has the CA's key where no seal is given.
const keyFile = "tls/ca.key"

// authority is a CA.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Own shows a certificate for some names and addresses, of aerie's own CA. That is known once it is open, which needs NATS where
// the CA's key is sealed; handshakes wait until then.
type Own struct {
	dir    string
	names  []string
	opened chan struct{}
	given  <-chan struct{}
	leaf   *leaf
}

// NewOwn makes one for a data directory, which waits until it is open or is given up.
func NewOwn(dir string, names []string, givenUp <-chan struct{}) *Own {
	return &Own{dir: dir, names: names, opened: make(chan struct{}), given: givenUp}
}

// TLS is that of a server which shows the certificate.
func (o *Own) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		select {
		case <-o.opened:
			return o.leaf.get(), nil
		case <-o.given:
			return nil, errors.New("the server ends")
		}
	}}
}

// Open takes the CA out of the keyring, or makes it. Where keys are sealed, a CA that stands in the data directory is taken in once,
// if no replica has put one there yet, and its key is removed from the disk after that. Where they are not, the CA is the
// directory's.
func (o *Own) Open(ctx context.Context, keys *keyring.Ring) error {
	ca, err := o.findCA(ctx, keys)
	if err != nil {
		return err
	}
	o.leaf = &leaf{ca: ca, names: o.names}
	if err := o.leaf.renew(); err != nil {
		return err
	}
	close(o.opened)
	return nil
}

func (o *Own) findCA(ctx context.Context, keys *keyring.Ring) (*authority, error) {
	mine, err := readCA(o.dir)
	noKey := errors.Is(err, errNoKey)
	if keys.Seals() && (err == nil || noKey) {
		return o.shared(ctx, keys, mine)
	}
	if mine != nil || err != nil && !noKey {
		return mine, err
	}
	held, wrong := keys.Holds(ctx, keyring.CA)
	if wrong != nil {
		return nil, wrong
	}
	if held {
		return nil, errors.New("the key of the CA is sealed, by this server or another replica: give --seal-key-file or " + keyring.Variable)
	}
	if noKey {
		return nil, err
	}
	made, err := makeCA()
	if err != nil {
		return nil, err
	}
	return made, made.keep(o.dir, keyFile, CAFile)
}

// shared is the CA of all replicas. The key in the directory goes when the ring has one, and before another CA's certificate
// comes: a certificate whose key is another's could not be read at the next start, one without a key can.
func (o *Own) shared(ctx context.Context, keys *keyring.Ring, mine *authority) (*authority, error) {
	text, err := keys.Take(ctx, keyring.CA, func() ([]byte, error) {
		if mine != nil {
			return mine.text()
		}
		made, err := makeCA()
		if err != nil {
			return nil, err
		}
		return made.text()
	})
	if err != nil {
		return nil, err
	}
	ca, err := parseCA(text, text)
	if err != nil {
		return nil, fmt.Errorf("read the CA of the keyring: %w", err)
	}
	if before, err := os.ReadFile(filepath.Join(o.dir, CAFile)); err == nil && !bytes.Equal(before, ca.certificate()) {
		slog.Warn("this server now shows the CA that all replicas share, not its own earlier one: give the new one to clients that trust the old one",
			"file", filepath.Join(o.dir, CAFile))
	}
	for _, name := range []string{keyFile, keyFile + ".new"} { // the second if it was killed while it wrote the first
		err := os.Remove(filepath.Join(o.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove the key that is sealed now: %w", err)
		}
		if err == nil {
			slog.Info("the key of the CA is sealed, and no longer in the data directory")
		}
	}
	return ca, ca.keep(o.dir, CAFile)
}

// errNoKey says that a directory has the certificate of a CA, and not its key.
var errNoKey = errors.New("its key is not there")

// readCA reads the CA of a directory; nil: none is there.
func readCA(dir string) (*authority, error) {
	cert, err := os.ReadFile(filepath.Join(dir, CAFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var key []byte
	if err == nil {
		key, err = os.ReadFile(filepath.Join(dir, keyFile))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errNoKey
	}
	var ca *authority
	if err == nil {
		ca, err = parseCA(cert, key)
	}
	if err != nil {
		return nil, fmt.Errorf("read the CA in %s: %w: mend it, or remove the directory to have a new one made, which nobody trusts yet",
			filepath.Join(dir, "tls"), err)
	}
	return ca, nil
}

// parseCA reads a certificate and its key in PEM, which may stand in one text.
func parseCA(cert, key []byte) (*authority, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("its key signs nothing")
	}
	return &authority{cert: pair.Leaf, key: signer}, nil
}

func makeCA() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a CA: %w", err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "aerie"}, NotBefore: time.Now().Add(-skew), NotAfter: time.Now().Add(caGood),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a CA: %w", err)
	}
	return &authority{cert: cert, key: key}, nil
}

// certificate is the CA's certificate in PEM.
func (a *authority) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// secret is its key in PEM.
func (a *authority) secret() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("write the key of the CA: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// text is both of them.
func (a *authority) text() ([]byte, error) {
	key, err := a.secret()
	return append(a.certificate(), key...), err
}

// keep writes files of a data directory, in this order. The certificate, without which there is no CA, is the last one.
func (a *authority) keep(dir string, files ...string) error {
	if err := os.MkdirAll(filepath.Join(dir, "tls"), 0o700); err != nil {
		return fmt.Errorf("keep the CA: %w", err)
	}
	for _, name := range files {
		text, err := a.certificate(), error(nil)
		if name == keyFile {
			text, err = a.secret()
		}
		if err == nil {
			err = filestore.WriteWhole(filepath.Join(dir, name), text)
		}
		if err != nil {
			return fmt.Errorf("keep the CA: %w", err)
		}
	}
	return nil
}

// sign makes a certificate with a serial number by chance.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return der, nil
}

// leaf is a server's certificate of our own CA.
type leaf struct {
	ca    *authority
	names []string

	mu   sync.Mutex
	held *tls.Certificate
}

func (l *leaf) get() *tls.Certificate {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Until(l.held.Leaf.NotAfter) < leafGood/2 {
		if err := l.renew(); err != nil {
			slog.Error("the certificate of before is shown on", "err", err)
		}
	}
	return l.held
}

func (l *leaf) renew() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "aerie server"}, NotBefore: time.Now().Add(-skew), NotAfter: time.Now().Add(leafGood),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range l.names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := sign(template, l.ca.cert, &key.PublicKey, l.ca.key)
	if err != nil {
		return err
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	l.held = &tls.Certificate{Certificate: [][]byte{der, bytes.Clone(l.ca.cert.Raw)}, PrivateKey: key, Leaf: made}
	return nil
}
