package cli

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/internal/server"
)

// TestBeyondThisMachine serves beyond loopback over TLS alone, from the first byte on; what would be in clear is no start.
func TestBeyondThisMachine(t *testing.T) {
	for _, open := range []server.Settings{
		{HTTP: "0.0.0.0:0", NATS: "127.0.0.1:0"}, {HTTP: ":0", NATS: "127.0.0.1:0"}, {HTTP: "127.0.0.1:0", NATS: "0.0.0.0:0"},
		{HTTP: "0.0.0.0:0", NATS: "0.0.0.0:0", TLS: server.TLS{InsecureHTTP: true}},
	} {
		open.DataDir = t.TempDir()
		c, err := server.Start(open)
		if err == nil {
			_ = c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "--tls-cert") {
			t.Errorf("HTTP %s, NATS %s: %v", open.HTTP, open.NATS, err)
		}
	}
	dir := t.TempDir()
	c, err := server.Start(server.Settings{DataDir: dir, HTTP: "0.0.0.0:0", NATS: "0.0.0.0:0", TLS: server.TLS{Names: []string{"aerie.example.com"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	here := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return "127.0.0.1:" + u.Port()
	}
	api, nats := here(c.APIURL()), here(c.NATSURL())
	at := func(web, line string) []string {
		return []string{"--api-url", web + "://" + api, "--nats-url", line + "://" + nats}
	}
	for _, call := range []struct {
		args []string
		code int
		says string
	}{
		{append([]string{"customer", "create", "acme", "--data-dir", dir}, at("https", "tls")...), 0, ""},
		{append([]string{"get", "customers", "--data-dir", dir}, at("https", "tls")...), 0, "acme"},
		{append([]string{"get", "customers", "--token", c.Token, "--ca", dir + "/tls/ca.pem", "--data-dir", t.TempDir()}, at("https", "tls")...), 0, "acme"},
		{append([]string{"get", "customers", "--token", c.Token, "--data-dir", t.TempDir()}, at("https", "tls")...), 2, "certificate is not trusted"},
		{append([]string{"customer", "create", "beta", "--token", c.Token, "--data-dir", t.TempDir()}, at("https", "tls")...), 2, "certificate is not trusted"},
		{append([]string{"get", "customers", "--data-dir", dir}, at("http", "tls")...), 2, "want https://"},
	} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), call.args, strings.NewReader(""), &out, &errs)
		if code != call.code || !strings.Contains(out.String()+errs.String(), call.says) {
			t.Errorf("%v: exit %d, want %d and %q: %s%s", call.args, code, call.code, call.says, &out, &errs)
		}
	}
	conn, err := net.Dial("tcp", nats)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	said, err := io.ReadAll(conn) // until the server gives up
	if err != nil || strings.Contains(string(said), "INFO") {
		t.Errorf("NATS says in clear: %q %v", said, err)
	}
}
