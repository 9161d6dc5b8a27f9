package server

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/internal/server/certs"
)

// anybody trusts whoever answers: what these tests look at is which certificate is shown, and not whose it is.
var anybody = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}

// beyondHere starts a control plane on all addresses of this machine.
func beyondHere(t *testing.T, secured TLS) *Control {
	t.Helper()
	c, err := Start(Settings{DataDir: t.TempDir(), HTTP: "0.0.0.0:0", NATS: "0.0.0.0:0", NoSim: true, TLS: secured})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// here is the address of a listener, as this machine reaches it.
func here(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + u.Port()
}

// visit asks over HTTP, and tells whether it did so over a connection that was there already.
func visit(t *testing.T, web *http.Client, target string, header http.Header) (r *http.Response, reused bool) {
	t.Helper()
	seen := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	q, err := http.NewRequestWithContext(seen, http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header = header
	if r, err = web.Do(q); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return r, reused
}

// TestInClearIfItIsSaid serves in clear beyond this machine where somebody says that something before it ends TLS, and has nobody
// promise TLS to browsers then.
func TestInClearIfItIsSaid(t *testing.T) {
	c := beyondHere(t, TLS{InsecureHTTP: true, InsecureNATS: true})
	r, _ := visit(t, http.DefaultClient, "http://"+here(t, c.APIURL())+"/livez", nil)
	if r.StatusCode != http.StatusOK || r.Header.Get("Strict-Transport-Security") != "" {
		t.Error(r.Status, r.Header)
	}
	nc, err := nats.Connect("nats://"+here(t, c.NATSURL()), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

// TestACertificateIsRenewedUnderConnections shows a new certificate to who comes, over HTTP and NATS, and cuts nobody who is there.
func TestACertificateIsRenewedUnderConnections(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	put := func(name string) { // a CA is a certificate too
		t.Helper()
		made := filepath.Join(dir, name)
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := certs.NewOwn(made, []string{"a"}, nil).Open(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for to, from := range map[string]string{cert: certs.CAFile, key: "tls/ca.key"} {
			data, err := os.ReadFile(filepath.Join(made, from))
			if err != nil {
				t.Fatal(err)
			}
			write(t, to, string(data))
		}
	}
	put("old")
	c := beyondHere(t, TLS{Cert: cert, Key: key})
	web, line := here(t, c.APIURL()), here(t, c.NATSURL())
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: anybody}}
	defer browser.CloseIdleConnections()
	first, _ := visit(t, browser, "https://"+web+"/livez", nil)
	if first.Header.Get("Strict-Transport-Security") == "" {
		t.Error("browsers may come back in clear:", first.Header)
	}
	nc, err := nats.Connect("tls://"+line, nats.Token(c.Token), nats.Secure(anybody), nats.TLSHandshakeFirst(), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()

	shown := func(address string) string {
		t.Helper()
		conn, err := tls.Dial("tcp", address, anybody)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	old := first.TLS.PeerCertificates[0].SerialNumber.String()
	put("new")
	for _, address := range []string{web, line} {
		for patience := natstest.Deadline(t); shown(address) == old; {
			if patience.Err() != nil {
				t.Fatal(address, "shows the old certificate on")
			}
		}
	}
	again, reused := visit(t, browser, "https://"+web+"/livez", nil)
	if !reused || again.TLS.PeerCertificates[0].SerialNumber.String() != old {
		t.Error("the connection over HTTP did not go on")
	}
	if err := nc.FlushTimeout(natstest.Patience); err != nil {
		t.Error("the connection over NATS did not go on:", err)
	}
}

// TestHeadersAreBounded refuses headers that nobody needs to send, before anything reads them.
func TestHeadersAreBounded(t *testing.T) {
	c := beyondHere(t, TLS{InsecureHTTP: true, InsecureNATS: true})
	web := "http://" + here(t, c.APIURL()) + "/livez"
	for size, want := range map[int]int{32 << 10: http.StatusOK, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		if r, _ := visit(t, http.DefaultClient, web, http.Header{"X-Long": {strings.Repeat("x", size)}}); r.StatusCode != want {
			t.Errorf("headers of %d bytes: %s", size, r.Status)
		}
	}
}
