package client

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// JoinToken is what an agent joins with: where the control plane is, who the agent is to be, and a secret that is good once.
type JoinToken struct {
	URL    string `json:"u"`           // of NATS, or several with commas between them
	Owner  string `json:"o"`           // the customer
	Agent  string `json:"a"`           // its name
	Secret string `json:"s,omitempty"` // goes to nobody but who shows the CA
	CA     string `json:"c,omitempty"` // the SHA-256 of the CA's certificate, in hex; empty: whom the system trusts
}

// JoinToken is a token by which an agent finds the server that the client talks to, where that does or at an address.
func (c *Client) JoinToken(address, owner, agent, secret string) JoinToken {
	t := JoinToken{URL: cmp.Or(address, Redacted(c.natsURL)), Owner: owner, Agent: agent, Secret: secret}
	if c.ca != nil && (strings.Contains(t.URL, "tls://") || strings.Contains(t.URL, "wss://")) {
		t.CA = Fingerprint(c.ca())
	}
	return t
}

// String is the token in one word.
func (t JoinToken) String() string {
	data, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings can be written
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// ReadJoinToken reads a token.
func ReadJoinToken(s string) (t JoinToken, err error) {
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil || t.URL == "" || t.Owner == "" || t.Agent == "" {
		return t, Invalid("--join", "it is no token of aerie agent invite: copy all of it")
	}
	return t, CheckNATSURL(t.URL)
}

// TLS trusts the CA that the token names, and nobody else; nil: the token names none.
func (t JoinToken) TLS() *tls.Config {
	if t.CA == "" {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: t.verify} // VerifyConnection does it
}

// verify finds the CA among what the server shows, and checks the server's certificate by it, and its name.
func (t JoinToken) verify(s tls.ConnectionState) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, c := range s.PeerCertificates {
		if sum := sha256.Sum256(c.Raw); hex.EncodeToString(sum[:]) == t.CA {
			roots.AddCert(c)
			found = true
			continue
		}
		between.AddCert(c)
	}
	if !found {
		return fmt.Errorf("%w: the server does not show the CA that the token names: something between here and there ends TLS, or the token is of another server", ErrKeptOut)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: s.ServerName})
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return fmt.Errorf("%w: %w: if that is not so, this machine's clock is wrong", ErrKeptOut, err)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrKeptOut, err)
	}
	return err
}

// ErrKeptOut says that a connection did not come about for a reason that no other try mends: the way there, or what was found at its
// end, has to be set right by somebody first.
var ErrKeptOut = errors.New("kept out")

// Fingerprint is the SHA-256 of the first certificate in PEM, in hex; empty if there is none.
func Fingerprint(ca []byte) string {
	block, _ := pem.Decode(ca)
	if block == nil {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}
