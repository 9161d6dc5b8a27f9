package login

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	ev "github.com/aeriehq/aerie/events"
)

// Settings are the issuers whose word is taken, as the file of --oidc has them.
type Settings struct {
	Issuers []IssuerSettings `json:"issuers"`
}

// IssuerSettings are one issuer, and what its claims mean here.
type IssuerSettings struct {
	Name      string   `json:"name"`      // as principals have it
	URL       string   `json:"url"`       // as its tokens have it in iss; its discovery document is below it
	ClientID  string   `json:"client_id"` // with which people log in; empty: nobody logs in there, machines bring their tokens
	Audiences []string `json:"audiences"` // one of them has to be in aud; the client id, if there are none
	Scopes    []string `json:"scopes"`    // that a login asks for; openid, profile and email, if there are none
	CA        string   `json:"ca"`        // file with the CA of its certificate, beside what the system trusts
	Rules     []Rule   `json:"rules"`     // the first that fits gives the role; who fits none is not let in
}

// Rule gives a role to who has some claims.
type Rule struct {
	Match      map[string]string `json:"match"`       // claims and their values; of a claim that is a list, one of it
	Role       ev.Role           `json:"role"`        //
	Owner      string            `json:"owner"`       // of whom a customer's role is
	OwnerClaim string            `json:"owner_claim"` // or the claim that names him
}

var issuerName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// ReadSettings reads the file of --oidc. All faults are named at once.
func ReadSettings(path string) (s Settings, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = yaml.UnmarshalStrict(data, &s)
	}
	if err != nil {
		return s, ev.RefuseFaults("oidc", []ev.FieldError{{Field: "--oidc", Message: "can't be read: " + err.Error()}})
	}
	return s, ev.RefuseFaults("oidc", s.check())
}

// faults collects what is wrong.
type faults []ev.FieldError

func (f *faults) unless(good bool, field, format string, args ...any) {
	if !good {
		*f = append(*f, ev.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

func (s Settings) check() []ev.FieldError {
	var f faults
	names, urls := map[string]bool{}, map[string]bool{}
	f.unless(len(s.Issuers) > 0, "issuers", "is empty: want one issuer or more")
	for i, one := range s.Issuers {
		at := fmt.Sprintf("issuers[%d].", i)
		f.unless(!names[one.Name], at+"name", "%q is there twice", ev.Truncate(one.Name))
		f.unless(!urls[one.URL], at+"url", "%q is there twice", ev.Truncate(one.URL))
		names[one.Name], urls[one.URL] = true, true
		one.check(at, &f)
	}
	return f
}

func (s IssuerSettings) check(at string, f *faults) {
	f.unless(issuerName.MatchString(s.Name) && s.Name != ev.IssuerLocal, at+"name", "%q: want %s, and not local", ev.Truncate(s.Name), ev.LabelRule)
	u, err := url.Parse(s.URL)
	secure := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
	f.unless(secure, at+"url", "%q: want https://…, as its tokens have it in iss", ev.Truncate(s.URL))
	f.unless(s.ClientID != "" || len(s.Audiences) > 0, at+"client_id",
		"is missing: want it, or audiences: a token for somebody else must not let in here")
	f.unless(len(s.Rules) > 0, at+"rules", "is empty: nobody would be let in")
	for j, rule := range s.Rules {
		rule.check(fmt.Sprintf("%srules[%d].", at, j), f)
	}
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

func (r Rule) check(at string, f *faults) {
	named := r.Owner != "" || r.OwnerClaim != ""
	switch {
	case !slices.Contains(ev.Roles, r.Role):
		f.unless(false, at+"role", "%q is no role", ev.Truncate(string(r.Role)))
	case r.Role.OfCustomer():
		f.unless(named, at+"owner", "is missing: %s is a role of one customer: want owner, or owner_claim", r.Role)
	default:
		f.unless(!named, at+"owner", "%s is a role of the platform's staff, who have no customer", r.Role)
	}
	f.unless(r.Owner == "" || r.OwnerClaim == "", at+"owner_claim", "owner says it too: want one of them")
	f.unless(len(r.Match) > 0, at+"match", `is empty: everybody whom the issuer knows would be let in; say so with {sub: "*"}`)
}

// roleOf is what the first rule that fits gives to who has some claims; false: no rule fits.
func (s IssuerSettings) roleOf(claims map[string]any) (role ev.Role, owner string, ok bool) {
	for _, rule := range s.Rules {
		if !rule.fits(claims) {
			continue
		}
		switch {
		case !rule.Role.OfCustomer():
			return rule.Role, ev.Platform, true
		case rule.Owner != "":
			return rule.Role, rule.Owner, true
		}
		owner, isText := claimAt(claims, rule.OwnerClaim).(string)
		ref := ev.Ref{Kind: ev.Token, Owner: owner, ID: "x"}
		if isText && owner != ev.Platform && len(ref.Check()) == 0 {
			return rule.Role, owner, true
		}
	}
	return "", "", false
}

func (r Rule) fits(claims map[string]any) bool {
	for claim, want := range r.Match {
		if !has(claimAt(claims, claim), want) {
			return false
		}
	}
	return true
}

// has tells whether a claim is a value, or a list with it; * is any text.
func has(claim any, want string) bool {
	switch c := claim.(type) {
	case string:
		return c == want || want == "*" && c != ""
	case bool:
		return fmt.Sprint(c) == want
	case []any:
		for _, one := range c {
			if text, ok := one.(string); ok && (text == want || want == "*") {
				return true
			}
		}
	}
	return false
}

// claimAt is a claim by its name, else by a path with dots; nil if there is none.
func claimAt(claims map[string]any, name string) any {
	if c, known := claims[name]; known {
		return c
	}
	first, rest, deeper := strings.Cut(name, ".")
	inner, ok := claims[first].(map[string]any)
	if !deeper || !ok {
		return nil
	}
	return claimAt(inner, rest)
}

// clientOf is how an issuer is asked: not for long, and over TLS that is checked.
func (s IssuerSettings) clientOf() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("read the CA of issuer %s: %w", s.Name, err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the CA of issuer %s: %s has no certificate in PEM", s.Name, s.CA)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}, nil
}
