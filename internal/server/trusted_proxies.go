package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

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
