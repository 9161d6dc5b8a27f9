package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/server/certs"
)

// TLS says how the listeners are secured. What is not loopback is served over TLS, unless it is said to be insecure.
type TLS struct {
	Cert, Key    string   // files of the operator's
	Names        []string // names and addresses for a certificate of aerie's own CA, instead of those
	InsecureHTTP bool     // HTTP in clear: something before it ends TLS
	InsecureNATS bool     // and so NATS
}

// config is the TLS of the listeners; nil: there is no certificate.
func (t TLS) config(dir string) (*tls.Config, error) {
	switch {
	case t.Cert != "" && t.Key != "":
		return certs.Files(t.Cert, t.Key)
	case len(t.Names) > 0:
		return certs.Own(dir, append(slices.Clone(t.Names), "localhost", "127.0.0.1", "::1"))
	}
	return nil, nil
}

// secure is the TLS of the listeners for HTTP and NATS; nil where one serves in clear. One that would do so beyond the
// machine, and was not said to, is an error.
func (s Settings) secure() (http, nats *tls.Config, err error) {
	config, err := s.TLS.config(s.DataDir)
	if err != nil {
		return nil, nil, err
	}
	http, nats = config, config
	if s.TLS.InsecureHTTP {
		http = nil
	}
	if s.TLS.InsecureNATS {
		nats = nil
	}
	errs := []error{inClear("http", s.HTTP, http != nil || s.TLS.InsecureHTTP)}
	if s.NATSURL == "" {
		errs = append(errs, inClear("nats", s.NATS, nats != nil || s.TLS.InsecureNATS))
		if s.NATSWS != "" {
			errs = append(errs, inClear("nats", s.NATSWS, nats != nil || s.TLS.InsecureNATS))
		}
	}
	return http, nats, errors.Join(errs...)
}

func inClear(flag, address string, allowed bool) error {
	if host, _, err := net.SplitHostPort(address); allowed || err == nil && IsLoopback(host) {
		return nil
	}
	return fmt.Errorf("listen on %s: tokens would go over the network in clear: give --tls-cert and --tls-key, or --tls-names for a certificate"+
		" of aerie's own CA, or --insecure-%s if something before it ends TLS", address, flag)
}

// IsLoopback tells whether only this machine can reach a host.
func IsLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// strict has browsers come over TLS from now on, and only so.
func strict(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		h.ServeHTTP(w, r)
	})
}

// sayingSpeed has each answer say how fast the simulated cloud is, for those who wait.
func sayingSpeed(speed float64, h http.Handler) http.Handler {
	said := strconv.FormatFloat(speed, 'g', -1, 64)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(ev.HeaderSpeed, said)
		h.ServeHTTP(w, r)
	})
}
