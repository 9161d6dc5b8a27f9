package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aeriehq/aerie/events/keyring"
	"github.com/aeriehq/aerie/internal/natstest"
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

// own is the TLS of a server whose keys are not sealed.
func own(t *testing.T, dir string, names []string) (*tls.Config, error) {
	t.Helper()
	return of(t, dir, names, nil)
}

func of(t *testing.T, dir string, names []string, keys *keyring.Ring) (*tls.Config, error) {
	t.Helper()
	o := certs.NewOwn(dir, names, nil)
	return o.TLS(), o.Open(t.Context(), keys)
}

// TestOwn has a certificate for the names that were given, of one CA for as long as its directory lives.
func TestOwn(t *testing.T) {
	dir := t.TempDir()
	first, err := own(t, dir, []string{"aerie.example.com", "10.1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, certs.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	again, err := own(t, dir, []string{"aerie.example.com"})
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

// TestASealedCA takes in what stands in a data directory once, and shows it from every replica; its key is on no disk after that.
func TestASealedCA(t *testing.T) {
	server, _ := natstest.Start(t)
	nc := natstest.Connect(t, server)
	t.Setenv(keyring.Variable, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	seal, err := keyring.ReadSeal("", keyring.KMS{HasName: func(string) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := keyring.Open(t.Context(), nc, 1, seal)
	if err != nil {
		t.Fatal(err)
	}
	clear, err := keyring.Open(t.Context(), nc, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	old, other, fresh := t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{old, other} { // two replicas of before
		if _, err := of(t, dir, []string{"a"}, clear); err != nil {
			t.Fatal(err)
		}
	}
	cut := t.TempDir() // a replica of before that was killed when its own key had gone
	if _, err := of(t, cut, []string{"a"}, clear); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(cut, "tls/ca.key")); err != nil {
		t.Fatal(err)
	}
	read := func(dir, name string) string {
		data, _ := os.ReadFile(filepath.Join(dir, name))
		return string(data)
	}
	ca, key := read(old, certs.CAFile), read(old, "tls/ca.key")
	waits := certs.NewOwn(old, []string{"a"}, nil)
	come := make(chan error, 1)
	go func() { // somebody comes before it is open
		_, err := waits.TLS().GetCertificate(nil)
		come <- err
	}()
	if err := waits.Open(t.Context(), sealed); err != nil {
		t.Fatal(err)
	}
	if err := <-come; err != nil {
		t.Error(err)
	}
	for _, dir := range []string{old, other, cut, fresh, old} {
		if dir == old { // as if it was killed before the key was removed
			write(t, filepath.Join(dir, "tls/ca.key"), key)
			write(t, filepath.Join(dir, "tls/ca.key.new"), key)
		}
		config, err := of(t, dir, []string{"a"}, sealed)
		if err != nil {
			t.Fatal(err)
		}
		if read(dir, certs.CAFile) != ca {
			t.Error("a replica has another CA")
		}
		if read(dir, "tls/ca.key")+read(dir, "tls/ca.key.new") != "" {
			t.Error("the key is on the disk")
		}
		if _, err := shown(t, config, old, "a"); err != nil {
			t.Error(err)
		}
	}
	for _, dir := range []string{old, t.TempDir()} {
		if _, err := of(t, dir, []string{"a"}, clear); err == nil || !strings.Contains(err.Error(), "--seal-key-file") {
			t.Error("without the seal:", err)
		}
	}
	ended := make(chan struct{})
	close(ended)
	if _, err := certs.NewOwn(fresh, []string{"a"}, ended).TLS().GetCertificate(nil); err == nil {
		t.Error("who waits is not let go when the server ends")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKilledWhileACAIsMade has a key without its certificate, as a kill between the two leaves it.
func TestKilledWhileACAIsMade(t *testing.T) {
	dir := t.TempDir()
	if _, err := own(t, dir, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, certs.CAFile)); err != nil {
		t.Fatal(err)
	}
	config, err := own(t, dir, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shown(t, config, dir, "a"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "tls/ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := own(t, dir, []string{"a"}); err == nil {
		t.Error("a CA without its key is not made anew in silence: nobody would trust the new one")
	}
}

// TestOwnIsRenewed makes a new certificate at half the time of the old one.
func TestOwnIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		config, err := own(t, dir, []string{"a"})
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
			if _, err := own(t, filepath.Join(dir, name), []string{"a"}); err != nil {
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
