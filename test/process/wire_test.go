package process

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// wire is a connection to a server that can be cut.
type wire struct {
	l  net.Listener
	to string

	mu     sync.Mutex
	broken bool
	silent bool
	claims string // the version that the server says it has, as long as its own; empty: its own
	conns  []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l, to: to}
	t.Cleanup(func() { _ = l.Close(); w.cut(false) })
	go w.accept()
	return w
}

func (w *wire) addr() string { return w.l.Addr().String() }

func (w *wire) accept() {
	for {
		c, err := w.l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", w.to)
		if err != nil || w.refuses() {
			_ = c.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, c, s)
		w.mu.Unlock()
		go w.carry(c, s)
		go w.carry(s, c)
	}
}

func (w *wire) refuses() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// carry carries bytes until either end is closed; while the wire is silent they are lost.
func (w *wire) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		w.mu.Lock()
		lost, claims := w.broken && w.silent, w.claims
		w.mu.Unlock()
		if lost {
			continue
		}
		if claims != "" {
			copy(buf, bytes.ReplaceAll(buf[:n], []byte(`"version":"`+server.VERSION+`"`), []byte(`"version":"`+claims+`"`)))
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut breaks the wire: connections are closed, or nothing comes through any more.
func (w *wire) cut(silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken, w.silent = true, silent
	if !silent {
		w.close()
	}
}

// claim has the server say to new connections that it is of another version, which is as
// long as its own.
func (w *wire) claim(version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.claims = version
	w.close()
}

// mend lets new connections in; what was silent has lost bytes, and is closed.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = false
	w.close()
}

func (w *wire) close() {
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}
