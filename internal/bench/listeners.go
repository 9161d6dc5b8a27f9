package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// tails are many who listen. Each reads its protocol itself, from its socket: two
// thousand clients as programs have them would be most of what is measured.
type tails struct {
	control   *server.Control
	listeners []*listener
	running   sync.WaitGroup
	began     time.Time
	cut       map[string]cutOff
}

// cutOff is how many were cut, and when the last of them was.
type cutOff struct {
	count int
	last  time.Duration
}

// listener is one who listens, or only seems to.
type listener struct {
	kind   string
	silent bool
	conn   net.Conn
	in     *bufio.Reader
	count  atomic.Int64 // of events
	lags   []time.Duration
	ended  bool // before it was told to end
}

// listen connects all.
func (t *tails) listen(ctx context.Context, o tailsOptions) error {
	for _, of := range []struct {
		kind   string
		n      int
		silent bool
		open   func(context.Context, *listener) error
	}{{"sse", o.sse, false, t.openSSE}, {"nats", o.nats, false, t.openNATS}, {"sse", o.silentSSE, true, t.openSSE}, {"nats", o.silentNATS, true, t.openNATS}} {
		for range of.n {
			l := &listener{kind: of.kind, silent: of.silent}
			if err := of.open(ctx, l); err != nil {
				return fmt.Errorf("listen over %s: %w", of.kind, err)
			}
			t.listeners = append(t.listeners, l)
		}
	}
	for _, l := range t.listeners {
		if !l.silent {
			t.running.Go(l.read)
		}
	}
	t.began = time.Now()
	return nil
}

func (l *listener) dial(ctx context.Context, address string) (err error) {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	var d net.Dialer
	if l.conn, err = d.DialContext(ctx, "tcp", u.Host); err == nil {
		l.in = bufio.NewReaderSize(l.conn, 16<<10)
	}
	return err
}

func (t *tails) openSSE(ctx context.Context, l *listener) error {
	if err := l.dial(ctx, t.control.APIURL()); err != nil {
		return err
	}
	fmt.Fprintf(l.conn, "GET /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n", t.control.Token)
	return l.skipTo(": listening\n")
}

func (t *tails) openNATS(ctx context.Context, l *listener) error {
	if err := l.dial(ctx, t.control.NATSURL()); err != nil {
		return err
	}
	fmt.Fprintf(l.conn, "CONNECT {\"auth_token\":%q,\"headers\":true,\"verbose\":false}\r\nSUB aerie.evt.> 1\r\nPING\r\n", t.control.Token)
	return l.skipTo("PONG\r\n")
}

// skipTo reads on until a line has come.
func (l *listener) skipTo(line string) error {
	for {
		got, err := l.in.ReadString('\n')
		if err != nil {
			return err
		}
		if got == line {
			return nil
		}
	}
}

// looked is after how many events a reader looks how far behind it is.
const looked = 10

// read counts events until the connection ends.
func (l *listener) read() {
	take := l.readSSE
	if l.kind == "nats" {
		take = l.readNATS
	}
	for {
		if err := take(); err != nil {
			l.ended = !errors.Is(err, net.ErrClosed)
			return
		}
	}
}

// readSSE takes a line.
func (l *listener) readSSE() error {
	line, err := l.in.ReadSlice('\n')
	if err == nil && bytes.HasPrefix(line, []byte("data: ")) {
		l.event(line, `"time":"`, '"')
	}
	return err
}

// readNATS takes a message, or answers a ping.
func (l *listener) readNATS() error {
	line, err := l.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if bytes.HasPrefix(line, []byte("PING")) {
		_, err := l.conn.Write([]byte("PONG\r\n"))
		return err
	}
	if !bytes.HasPrefix(line, []byte("HMSG ")) {
		return nil
	}
	line = bytes.TrimSpace(line)
	size, err := strconv.Atoi(string(line[bytes.LastIndexByte(line, ' ')+1:]))
	if err != nil {
		return err
	}
	body, err := l.in.Peek(size)
	if err != nil {
		return err
	}
	l.event(body, "ce-time: ", '\r')
	_, err = l.in.Discard(size + 2)
	return err
}

// event counts one, and looks now and then how old it is.
func (l *listener) event(text []byte, before string, end byte) {
	if l.count.Add(1)%looked != 0 {
		return
	}
	_, after, found := bytes.Cut(text, []byte(before))
	if stop := bytes.IndexByte(after, end); found && stop > 0 {
		if at, err := time.Parse(time.RFC3339Nano, string(after[:stop])); err == nil {
			l.lags = append(l.lags, time.Since(at))
		}
	}
}

// cuts is how many clients of the server were cut since it started.
func (t *tails) cuts() (sse, nats int) {
	return int(t.control.Fanout.CutStreams()), int(t.control.NATS.SlowConsumers())
}

// watch notes when clients are cut, until ctx ends.
func (t *tails) watch(ctx context.Context) {
	sse, nats := t.cuts()
	note := func(kind string, n int) {
		if n > t.cut[kind].count {
			t.cut[kind] = cutOff{n, time.Since(t.began)}
		}
	}
	for ctx.Err() == nil {
		client.Sleep(ctx, 50*time.Millisecond)
		s, n := t.cuts()
		note("sse", s-sse)
		note("nats", n-nats)
	}
}

// settleWithin is how long readers may take to have the last events.
const settleWithin = 10 * time.Second

// settle waits until all readers have n events.
func (t *tails) settle(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for _, l := range t.listeners {
		for !l.silent && int(l.count.Load()) < n && ctx.Err() == nil {
			client.Sleep(ctx, 20*time.Millisecond)
		}
	}
}

// close ends all listeners.
func (t *tails) close() {
	for _, l := range t.listeners {
		_ = l.conn.Close()
	}
	t.running.Wait()
}
