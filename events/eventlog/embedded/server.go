// Package embedded runs nats-server inside aerie's own process: JetStream with every write on disk
// before it is acknowledged, and rights that keep the log what it is. aerie itself enters with a
// secret that is made anew at each start; people enter with the admin token, which may ask and read,
// and nothing else.
//
// It knows nothing of events. Begin with Start; rights.go has what people may do, recovery.go what happens
// after a failed write. The methods of a Server may be called from any goroutine. After a crash the
// next Start recovers the streams on disk with all that they acknowledged; streams in memory are lost.
package embedded

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// maxControlLine is how long a CONNECT may be: tokens of issuers name all groups of a person.
const maxControlLine = 16 << 10

// MaxPayload is the most bytes one message may have.
const MaxPayload = 1 << 20

// readyTimeout bounds a start. Recovering some millions of subjects after a
// killed process takes seconds, so it is generous.
const readyTimeout = 2 * time.Minute

const (
	// writeWithin is how long a connection may take to take what is written to it. Then
	// it is cut.
	writeWithin = 4 * time.Second
	// tlsWithin is how long a handshake may take.
	tlsWithin = 5 * time.Second
	// pingEvery is how often a connection that says nothing is asked whether it is
	// there; who does not answer mostPings times is cut, nine seconds after it stopped
	// reading. Before a write waits the kernel takes megabytes, so that alone comes late.
	pingEvery = 3 * time.Second
	mostPings = 2
)

// reconnectPause is the wait before a lost connection of ours is made again.
const reconnectPause = 250 * time.Millisecond

// Options say where the server keeps its store and who may enter.
type Options struct {
	Dir    string       // the store's directory; the server makes "jetstream" in it
	Addr   string       // host:port to listen on, such as "127.0.0.1:4222"; port 0 is any free one, "" listens nowhere
	TLS    *tls.Config  // of what listens: TLS from the first byte on, with nothing said in clear before; nil: none
	Token  string       // what people present as the connection's token; "" lets nobody in but aerie
	Logger *slog.Logger // gets the server's warnings and errors; nil drops them
	Whole  func() error // asked whether the store is whole before it is opened again, after a write that failed; nil: it is

	// WebSocket is where the server listens for clients that come by WebSocket, over TLS if there is any; "" is nowhere.
	WebSocket string

	// Present is asked now and then whether the store's files are still there; nil: they are. After an
	// error nothing is stored any more.
	Present func() error
}

// Server is a running nats-server. Its methods may be called from any goroutine.
type Server struct {
	srv      *server.Server
	log      *slog.Logger
	logger   *logger
	secret   string
	listen   bool
	auth     *authenticator
	gateConn *nats.Conn // the gate's own connection
	gate     sync.Mutex // held while the gate has a consumer made
	// consumersOf has how many consumers each caller has made, as far as is known; nil: they are to be counted.
	consumersOf map[string]int
	dir         string
	whole       func() error
	present     func() error
	failed      chan struct{}         // a write failed
	broken      atomic.Bool           // none is taken since
	room        atomic.Pointer[error] // why there is no room on the disk
	gone        atomic.Pointer[error] // why the store is not there any more
	unstarted   atomic.Pointer[error] // why JetStream does not start again after a write that failed
	ended       chan struct{}         // closed when the server is to stop
	recovering  sync.WaitGroup
	stop        func()
}

// Start starts a server and returns when it takes connections and its streams
// are recovered. It fails, among others, if something else listens on the
// address; the error says what to do.
func Start(o Options) (*Server, error) {
	opts, err := options(o)
	if err != nil {
		return nil, fmt.Errorf("start nats-server: %w", err)
	}
	secret := rand.Text()
	bounder, err := newBounder()
	if err != nil {
		return nil, fmt.Errorf("start nats-server: %w", err)
	}
	auth := &authenticator{bounder: bounder, secret: secret, token: o.Token, made: map[string]bool{}}
	opts.CustomClientAuthentication = auth
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("start nats-server: %w", err)
	}
	auth.srv = srv
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	log := &logger{to: o.Logger, failed: make(chan struct{}, 1)}
	srv.SetLoggerV2(log, false, false, false)
	srv.Start()
	s := &Server{srv: srv, auth: auth, log: o.Logger, logger: log, secret: secret, listen: o.Addr != "", dir: opts.StoreDir, whole: o.Whole, present: o.Present, failed: log.failed, ended: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.ended) })
	s.recovering.Go(s.recoverWrites)
	if !srv.ReadyForConnections(readyTimeout) {
		s.Shutdown()
		return nil, fmt.Errorf("start nats-server: %w", log.reason())
	}
	if err := errors.Join(s.openGate(), s.openRelay(), s.openTeller()); err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("start nats-server: %w", err)
	}
	s.measure()
	s.recovering.Go(s.watch)
	return s, nil
}

// CountViolations has a function count what people and agents try beyond what they may publish and subscribe to.
func (s *Server) CountViolations(count func()) { s.logger.beyond.Store(&count) }

// Connect opens an in-process connection with all rights. It never goes over
// the network, and it ends with the server.
func (s *Server) Connect(name string) (*nats.Conn, error) {
	return s.enter("", name, nats.InProcessServer(s.srv))
}

// Dial opens a connection with all rights over the network, so that what aerie
// does can be measured from where people are.
func (s *Server) Dial(name string) (*nats.Conn, error) { return s.enter(s.URL(), name) }

func (s *Server) enter(url, name string, way ...nats.Option) (*nats.Conn, error) {
	trouble := func(_ *nats.Conn, _ *nats.Subscription, err error) {
		s.log.Warn(err.Error(), "from", "nats.go", "connection", name)
	}
	nc, err := nats.Connect(url, append(way, nats.Name(name), nats.Token(s.secret), nats.ErrorHandler(trouble),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectPause))...)
	if err != nil {
		return nil, fmt.Errorf("connect %s to the embedded nats-server: %w", name, err)
	}
	return nc, nil
}

// URL is where people connect, such as "nats://127.0.0.1:4222"; "" if the
// server listens nowhere.
func (s *Server) URL() string {
	if !s.listen {
		return ""
	}
	return s.srv.ClientURL()
}

// WebSocketURL is where clients connect by WebSocket; "" if the server does not listen for it.
func (s *Server) WebSocketURL() string { return s.srv.WebsocketURL() }

// SlowConsumers is how many connections were cut because they did not read, or did not
// answer.
func (s *Server) SlowConsumers() uint64 {
	return s.srv.NumSlowConsumersClients() + s.srv.NumStaleConnectionsClients()
}

// Shutdown stops the server and returns when everything is on disk and every
// connection is closed. Stopping twice is stopping once.
func (s *Server) Shutdown() {
	s.stop()
	s.recovering.Wait()
	if s.gateConn != nil {
		s.gateConn.Close()
	}
	if t := s.auth.teller.Load(); t != nil {
		t.nc.Close()
	}
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
}

// options turns ours into the server's.
func options(o Options) (*server.Options, error) {
	opts := &server.Options{}
	if err := opts.ProcessConfigString(accounts()); err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	opts.ServerName = "aerie"
	opts.NoSigs = true
	opts.AlwaysEnableNonce = true // for who comes with a key
	opts.MaxPayload = MaxPayload
	opts.MaxControlLine = maxControlLine
	opts.JetStream = true
	opts.StoreDir = filepath.Clean(o.Dir)
	opts.JetStreamMaxStore = maxStore
	opts.JetStreamLimits.DefaultMaxConsumers = -1 // the gate bounds people's; aerie's own never fail
	opts.SyncAlways = true                        // an acknowledged event survives a power failure
	opts.DisableJetStreamBanner = true
	opts.NoSublistCache = true // it keeps where the last 1,024 subjects of each account go, and most are an answer's, which comes once
	opts.WriteDeadline, opts.PingInterval, opts.MaxPingsOut = writeWithin, pingEvery, mostPings
	if o.Addr == "" {
		opts.DontListen = true
		return opts, nil
	}
	if o.TLS != nil {
		opts.TLSConfig, opts.TLSHandshakeFirst, opts.TLSTimeout = o.TLS, true, tlsWithin.Seconds()
	}
	if err := listenWebSocket(opts, o); err != nil {
		return opts, err
	}
	return opts, listenOn(opts, o.Addr)
}

// listenWebSocket lets clients in that can't do the handshake first. Pages of other sites are not let in.
func listenWebSocket(opts *server.Options, o Options) error {
	if o.WebSocket == "" {
		return nil
	}
	at := server.Options{}
	if err := listenOn(&at, o.WebSocket); err != nil {
		return err
	}
	opts.Websocket = server.WebsocketOpts{Host: at.Host, Port: at.Port, TLSConfig: o.TLS, NoTLS: o.TLS == nil,
		SameOrigin: true, HandshakeTimeout: tlsWithin}
	return nil
}

// listenOn sets the address, and tries it first: nats-server itself only logs
// that it cannot listen, and goes on.
func listenOn(opts *server.Options, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen on %q: want host:port: %w", addr, err)
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s: the address is in use: stop what listens there, or choose another with --nats", addr)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w: choose another address with --nats", addr, err)
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	opts.Host = host
	if opts.Port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("listen on %q: the port is not a number: %w", addr, err)
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return nil
}
