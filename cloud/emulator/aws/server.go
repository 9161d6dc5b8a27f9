// Package aws emulates Amazon's cloud on its own wire: EKS, EC2, IAM, STS and KMS at one TLS endpoint, and the
// Kubernetes APIs of the clusters behind it. The real SDK works on it unchanged. It has the rules of the real
// one where they decide how a client must behave, and it is no cloud: nothing runs in it. Begin with Open, then
// request.go: here are the wire and the server, and each service is a package below. Requests may come at once; each is
// decided in one step under the lock of emulator.World, whose journal holds all that was decided.
package aws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/kubeapi"
	"github.com/aeriehq/aerie/cloud/script"
)

// Options say what cloud to run.
type Options struct {
	Dir        string // of its state, ledger, accounts, faults and authority; nobody else may run one on it meanwhile
	Listen     string // empty: a free port of loopback
	Speed      float64
	Now        func() time.Time // nil: the wall's
	Logger     *slog.Logger     // nil: slog's default
	Kubeconfig string           // of the one real cluster behind every emulated one; empty: each has a store of its own
	// Around is what every request goes through first, for who wants something to happen at one of them; nil: nothing.
	Around func(http.Handler) http.Handler
}

// Server is a running emulated cloud.
type Server struct {
	*emulator.World
	now       func() time.Time
	cloud     core.Cloud
	watched   *script.Files
	logger    *slog.Logger
	authority *emulator.Authority
	http      *http.Server
	address   string
	behind    *kubeapi.Upstream // nil: each cluster has a store of its own
	stopped   chan struct{}
}

// readWithin is how long a client may take for a request's head.
const readWithin = 30 * time.Second

// Open starts the cloud that lives in a directory, or a new one with default accounts.
func Open(o Options) (s *Server, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s = &Server{now: o.Now, logger: o.Logger, stopped: make(chan struct{})}
	if s.World, err = emulator.Open(emulator.Options{Dir: o.Dir, Now: o.Now, Speed: o.Speed, Logger: o.Logger,
		Ops: operations(), Kinds: kinds()}); err != nil {
		return nil, err
	}
	if err = s.open(o); err != nil {
		return nil, errors.Join(err, s.World.Close())
	}
	return s, nil
}

func (s *Server) open(o Options) (err error) {
	if err := core.EnsureAccounts(o.Dir); err != nil {
		return fmt.Errorf("read %s: %w", core.AccountsFile, err)
	}
	s.watched = script.Watch(o.Dir, s.logger, script.File{Name: core.AccountsFile, Read: s.cloud.Accounts.Read},
		script.File{Name: core.CatalogueFile, Read: s.cloud.Gone.Read})
	if s.authority, err = emulator.OpenAuthority(o.Dir); err != nil {
		return err
	}
	if o.Kubeconfig != "" {
		if s.behind, err = kubeapi.OpenUpstream(o.Kubeconfig); err != nil {
			return err
		}
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	host, _, _ := net.SplitHostPort(o.Listen)
	cert, err := s.authority.Certificate(host)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return err
	}
	s.address = l.Addr().String()
	s.cloud.URL, s.cloud.CA = "https://"+s.address, s.authority.PEM
	var handler http.Handler = s
	if o.Around != nil {
		handler = o.Around(s)
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: readWithin, ErrorLog: log.New(quiet{s.logger}, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		Protocols: new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true) // as AWS' own; and a cut connection is one request's
	go func() {
		defer close(s.stopped)
		_ = s.http.ServeTLS(l, "", "") // ErrServerClosed, whenever it ends
	}()
	return nil
}

// order is the one in which operations and kinds are told.
var order = []string{"ec2", "elasticloadbalancing", "iam", "sts", "eks", "kms"}

// operations are all that a fault can name.
func operations() (all []string) {
	for _, name := range order {
		for _, op := range core.SortedKeys(services[name].Actions) {
			all = append(all, name+":"+op)
		}
		for _, r := range services[name].Routes {
			all = append(all, name+":"+r.Op)
		}
	}
	for _, op := range []string{"Apply", "Get", "List", "Delete", "Discover", "Other"} {
		all = append(all, "kubernetes:"+op)
	}
	return all
}

// kinds are all that can be changed by hand.
func kinds() (all []string) {
	for _, name := range order {
		all = append(all, services[name].Kinds...)
	}
	return all
}

// quiet has the noise of broken connections in the debug log.
type quiet struct{ logger *slog.Logger }

func (q quiet) Write(p []byte) (int, error) {
	q.logger.Debug("the emulated cloud's server", "says", string(p))
	return len(p), nil
}

// URL is the endpoint of every service.
func (s *Server) URL() string { return s.cloud.URL }

// CA is the certificate authority to trust, as PEM.
func (s *Server) CA() []byte { return s.cloud.CA }

// closeWithin is how long requests that are under way may take at the end.
const closeWithin = 5 * time.Second

// Close ends the server; requests that are under way are answered.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.stopped
	return errors.Join(err, s.World.Close())
}
