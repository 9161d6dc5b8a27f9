package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aeriehq/aerie/internal/server/certs"
)

// shown is the certificate that a client sees who trusts the CA of a directory and calls the server by a name.
func shown(t *testing.T, config *tls.Config, dir, name string) (serial string, err error) {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(dir, certs.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	here, there := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- tls.Server(there, config).Handshake() }()
	c := tls.Client(here, &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12})
	err = c.Handshake()
	if err != nil {
		_ = here.Close()
		<-served
		return "", err
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // the server's last words of the handshake
	<-served
	_ = here.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}

// TestOwn has a certificate for the names that were given, of one CA for as long as its directory lives.
func TestOwn(t *testing.T) {
	dir := t.TempDir()
	first, err := certs.Own(dir, []string{"aerie.example.com", "10.1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, certs.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	again, err := certs.Own(dir, []string{"aerie.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(filepath.Join(dir, certs.CAFile)); string(now) != string(ca) {
		t.Error("the second start made another CA")
	}
	for name, config := range map[string]*tls.Config{"aerie.example.com": again, "10.1.2.3": first} {
		if _, err := shown(t, config, dir, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := shown(t, again, dir, "10.1.2.3"); err == nil {
		t.Error("a name that was not given is shown")
	}
	if i, err := os.Stat(filepath.Join(dir, "tls/ca.key")); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the key of the CA: %v %v", i.Mode(), err)
	}
}

// TestKilledWhileACAIsMade has a key without its certificate, as a kill between the two leaves it.
func TestKilledWhileACAIsMade(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.Own(dir, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, certs.CAFile)); err != nil {
		t.Fatal(err)
	}
	config, err := certs.Own(dir, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shown(t, config, dir, "a"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "tls/ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.Own(dir, []string{"a"}); err == nil {
		t.Error("a CA without its key is not made anew in silence: nobody would trust the new one")
	}
}

// TestOwnIsRenewed makes a new certificate at half the time of the old one.
func TestOwnIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		config, err := certs.Own(dir, []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		serial := func() string {
			c, err := config.GetCertificate(nil)
			if err != nil || time.Until(c.Leaf.NotAfter) < 24*time.Hour {
				t.Fatalf("%v %v", c.Leaf.NotAfter, err)
			}
			return c.Leaf.SerialNumber.String()
		}
		first := serial()
		time.Sleep(10 * 24 * time.Hour)
		if serial() != first {
			t.Error("made anew too early")
		}
		time.Sleep(10 * 24 * time.Hour)
		if serial() == first {
			t.Error("not made anew")
		}
	})
}

// TestFilesAreReadAgain shows a renewed certificate to the next who comes, and the one before while what is there is wrong.
func TestFilesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
		serials := map[string]string{}
		put := func(from string) {
			for to, name := range map[string]string{cert: "ca.pem", key: "ca.key"} {
				data, err := os.ReadFile(filepath.Join(dir, from, "tls", name))
				if err == nil {
					err = os.WriteFile(to, data, 0o600)
				}
				if err == nil {
					err = os.Chtimes(to, time.Now(), time.Now())
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * time.Second)
		}
		for _, name := range []string{"old", "new"} { // a CA is a certificate too
			if _, err := certs.Own(filepath.Join(dir, name), []string{"a"}); err != nil {
				t.Fatal(err)
			}
		}
		put("old")
		config, err := certs.Files(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		serial := func() string {
			c, err := config.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			return c.Leaf.SerialNumber.String()
		}
		serials["old"] = serial()
		put("new")
		serials["new"] = serial()
		if serials["new"] == serials["old"] {
			t.Error("the renewed one is not shown")
		}
		if err := os.WriteFile(key, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if serial() != serials["new"] {
			t.Error("with a wrong key another one is shown")
		}
		put("old")
		if serial() != serials["old"] {
			t.Error("after a wrong one the next is not read")
		}
	})
}

// TestNoFiles names the files that are not there.
func TestNoFiles(t *testing.T) {
	if _, err := certs.Files("no.crt", "no.key"); err == nil {
		t.Error("want an error")
	}
}
