package certs

import (
	"bytes"
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
)

// How long certificates are good. A server's is made anew in memory, at each start and at half its time.
const (
	caGood   = 10 * 365 * 24 * time.Hour
	leafGood = 30 * 24 * time.Hour
	skew     = time.Hour // by which a client's clock may be behind
)

// CAFile is the certificate of aerie's own CA, below a data directory. Who trusts it needs nothing else.
const CAFile = "tls/ca.pem"

const keyFile = "tls/ca.key"

// Own is the TLS of a server with a certificate for these names and addresses, of a CA that is kept in the data directory
// and made if it is not there.
func Own(dir string, names []string) (*tls.Config, error) {
	ca, err := openCA(dir)
	if err != nil {
		return nil, err
	}
	l := &leaf{ca: ca, names: names}
	if err := l.renew(); err != nil {
		return nil, err
	}
	return showing(l.get), nil
}

// authority is a CA.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// openCA reads the CA, or makes it.
func openCA(dir string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CAFile), filepath.Join(dir, keyFile))
	if _, gone := os.Stat(filepath.Join(dir, CAFile)); errors.Is(gone, fs.ErrNotExist) {
		return makeCA(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read the CA in %s: %w: mend it, or remove the directory to have a new one made, which nobody trusts yet",
			filepath.Join(dir, "tls"), err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read the CA in %s: its key signs nothing", filepath.Join(dir, "tls"))
	}
	return &authority{cert: pair.Leaf, key: key}, nil
}

func makeCA(dir string) (*authority, error) {
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
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a CA: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "tls"), 0o700); err != nil {
		return nil, fmt.Errorf("keep the CA: %w", err)
	}
	for _, f := range []struct {
		name, kind string
		data       []byte
	}{{keyFile, "PRIVATE KEY", secret}, {CAFile, "CERTIFICATE", der}} {
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.data})
		if err := filestore.WriteWhole(filepath.Join(dir, f.name), text); err != nil {
			return nil, fmt.Errorf("keep the CA: %w", err)
		}
	}
	return openCA(dir)
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
