package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWhoIsTheClient: a header says so only if a trusted proxy wrote it.
func TestWhoIsTheClient(t *testing.T) {
	p, err := readProxies([]string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ trusted, peer, header, want string }{
		{"", "10.1.2.3:99", "203.0.113.9", "10.1.2.3:99"},
		{"yes", "10.1.2.3:99", "203.0.113.9", "203.0.113.9:0"},
		{"yes", "198.51.100.1:99", "203.0.113.9", "198.51.100.1:99"},               // anybody
		{"yes", "10.1.2.3:99", "1.1.1.1, 203.0.113.9, 192.0.2.7", "203.0.113.9:0"}, // the client wrote 1.1.1.1
		{"yes", "10.1.2.3:99", "nonsense, 192.0.2.7", "192.0.2.7:0"},
		{"yes", "10.1.2.3:99", "", "10.1.2.3:99"},
		{"yes", "[::ffff:10.1.2.3]:99", "2001:db8::1", "[2001:db8::1]:0"},
		{"yes", "[fd00::1]:99", "::ffff:203.0.113.9", "203.0.113.9:0"},
	} {
		use := p
		if row.trusted == "" {
			use = nil
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = row.peer
		r.Header.Set("X-Forwarded-For", row.header)
		r.Header.Set("X-Real-IP", "6.6.6.6")
		use.believe(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.RemoteAddr != row.want || r.Header.Get("X-Forwarded-For")+r.Header.Get("X-Real-IP") != "" {
				t.Errorf("%v: %s %v", row, r.RemoteAddr, r.Header)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
	if _, err := readProxies([]string{"10.0.0.0/33"}); err == nil || !strings.Contains(err.Error(), "10.0.0.0/8") {
		t.Error(err)
	}
}
