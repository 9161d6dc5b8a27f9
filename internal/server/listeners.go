package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

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

// config is the TLS of the listeners; nil: there is no certificate. One of aerie's own CA has to be opened.
func (t TLS) config(dir string, givenUp <-chan struct{}) (*tls.Config, *certs.Own, error) {
	switch {
	case t.Cert != "" && t.Key != "":
		config, err := certs.Files(t.Cert, t.Key)
		return config, nil, err
	case len(t.Names) > 0:
		own := certs.NewOwn(dir, append(slices.Clone(t.Names), "localhost", "127.0.0.1", "::1"), givenUp)
		return own.TLS(), own, nil
	}
	return nil, nil, nil
}

// secure makes the TLS of the listeners for HTTP and NATS; nil where one serves in clear. One that would do so beyond the
// machine, and was not said to, is an error.
func (c *Control) secure(s Settings) (nats *tls.Config, err error) {
	config, own, err := s.TLS.config(s.DataDir, c.core.ctx.Done())
	if err != nil {
		return nil, err
	}
	c.keys.ca, c.tls, nats = own, config, config
	if s.TLS.InsecureHTTP {
		c.tls = nil
	}
	if s.TLS.InsecureNATS {
		nats = nil
	}
	errs := []error{inClear("http", s.HTTP, c.tls != nil || s.TLS.InsecureHTTP)}
	if s.NATSURL == "" {
		errs = append(errs, inClear("nats", s.NATS, nats != nil || s.TLS.InsecureNATS))
		if s.NATSWS != "" {
			errs = append(errs, inClear("nats", s.NATSWS, nats != nil || s.TLS.InsecureNATS))
		}
	}
	return nats, errors.Join(errs...)
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

// proxies are the networks of the proxies that are believed when they say whose request they pass on.
type proxies []netip.Prefix

// readProxies reads networks such as 10.0.0.0/8, and single addresses.
func readProxies(given []string) (all proxies, err error) {
	for _, text := range given {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			address, wrong := netip.ParseAddr(text)
			if wrong != nil {
				return nil, fmt.Errorf("--trusted-proxies: %q is no network: want one such as 10.0.0.0/8", text)
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

func (p proxies) have(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(address.Unmap()) })
}

// forwarding are the headers in which anybody may claim to be anybody.
var forwarding = []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded"}

// believe puts the client's address into requests that trusted proxies pass on, and takes out of all what claims to be one.
func (p proxies) believe(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(p) > 0 {
			r.RemoteAddr = p.clientOf(r)
		}
		for _, name := range forwarding {
			r.Header.Del(name)
		}
		h.ServeHTTP(w, r)
	})
}

// clientOf is the first address that no trusted proxy has, from the one that is connected on. What such an address says itself
// about others is not believed.
func (p proxies) clientOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !p.have(peer.Addr()) {
		return r.RemoteAddr
	}
	client := r.RemoteAddr
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(said) {
		address, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return client
		}
		if client = net.JoinHostPort(address.Unmap().String(), "0"); !p.have(address) {
			return client
		}
	}
	return client
}
