// Package core is what the services of the emulated AWS share: a request and its principal, accounts, policies and
// rights, failures, tags, pages, and the documents of the wire with their readers. Each service is a package beside
// this one and gives a Service to the server above them all.
//
// It knows no service, no socket and no signature. Begin with request.go, then right.go. Requests are decided one at a
// time under the lock of emulator.World, so nothing here locks; what a request changes is in the world's journal, and
// accounts are read again from their file, so nothing here is lost by a crash.
package core

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// Cloud is what all services of one emulated cloud share beside its world.
type Cloud struct {
	Accounts Accounts
	Gone     Gone
	URL      string // the endpoint of every service
	CA       []byte // the certificate authority to trust, as PEM
}

// Request is one call of an operation, by a principal that is known. Each service has a type of its own around it, with
// its operations as methods.
type Request struct {
	*emulator.Call
	Params    Doc
	Principal Principal
	Cloud     *Cloud
}

// Operation is one that a service has: it decides one request.
type Operation = func(*Request) (Doc, error)

// Service is what one service of AWS gives to the server. It speaks one of two protocols: Query has actions, and REST has
// routes.
type Service struct {
	Actions map[string]Operation
	Routes  []Route
	Kinds   []string               // of its things, as who changes them by hand names them
	Rights  func(*Request) []Right // all that a call asks for
}

// Route is one operation of a REST protocol. What is in braces in its path becomes a parameter of that name.
type Route struct {
	Method, Path, Op string
	Run              Operation
}

// Operations are those of a service whose operations are methods of a type of its own.
func Operations[R any](own func(*Request) R, methods map[string]func(R) (Doc, error)) map[string]Operation {
	all := map[string]Operation{}
	for op, run := range methods {
		all[op] = func(r *Request) (Doc, error) { return run(own(r)) }
	}
	return all
}

// OnlyLooks says whether an operation only looks.
func OnlyLooks(op string) bool {
	for _, verb := range []string{"Describe", "List", "Get", "Simulate", "Assume"} {
		if strings.HasPrefix(op, verb) {
			return true
		}
	}
	return false
}

// RandomHex is so many hexadecimal digits.
func RandomHex(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("%x", b)[:n]
}

// RequestID is an id that no other request has.
func RequestID() string {
	h := RandomHex(32)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
