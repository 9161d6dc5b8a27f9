package client

import (
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	ev "github.com/aeriehq/aerie/events"
)

// NATSAccess says how to enter NATS servers, beside what the URL itself has. A
// server's certificate is always checked: against ca, or what the system trusts.
type NATSAccess struct{ creds, ca, cert, key string }

// Flags adds the flags; env says what is so without them.
func (a *NATSAccess) Flags(f *pflag.FlagSet, env func(string) string) {
	f.StringVar(&a.creds, "nats-creds", env("AERIE_NATS_CREDS"), "file with NATS credentials (JWT and seed), or AERIE_NATS_CREDS")
	f.StringVar(&a.ca, "nats-ca", env("AERIE_NATS_CA"), "file with the CA of the NATS servers' certificates, or AERIE_NATS_CA; else the system's")
	f.StringVar(&a.cert, "nats-cert", env("AERIE_NATS_CERT"), "file with the certificate to show to NATS, or AERIE_NATS_CERT")
	f.StringVar(&a.key, "nats-key", env("AERIE_NATS_KEY"), "file with the key of --nats-cert, or AERIE_NATS_KEY")
}

// TrustOptions are those that say whom to trust, and nothing of who enters.
func (a *NATSAccess) TrustOptions() ([]nats.Option, error) {
	trusting := *a
	trusting.creds = ""
	return trusting.Options()
}

// Options turns them into the connection's.
func (a *NATSAccess) Options() (options []nats.Option, err error) {
	if (a.cert == "") != (a.key == "") {
		return nil, Invalid("--nats-cert", "a certificate and its key go together: give --nats-cert and --nats-key")
	}
	for flag, file := range map[string]string{"--nats-creds": a.creds, "--nats-ca": a.ca, "--nats-cert": a.cert, "--nats-key": a.key} {
		if file == "" {
			continue
		}
		if _, err := os.ReadFile(file); err != nil {
			return nil, Invalid(flag, "it can't be read: %v", err)
		}
	}
	if a.creds != "" {
		options = append(options, nats.UserCredentials(a.creds))
	}
	if a.ca != "" {
		options = append(options, nats.RootCAs(a.ca))
	}
	if a.cert != "" {
		options = append(options, nats.ClientCert(a.cert, a.key))
	}
	return options, nil
}

// CheckNATSURL refuses what is no list of NATS addresses.
func CheckNATSURL(urls string) error {
	for _, one := range strings.Split(urls, ",") {
		if !isNATS(strings.TrimSpace(one)) {
			return Invalid("--nats-url", "%q is no NATS address: want one such as %s", ev.Truncate(Redacted(one)), DefaultNATS)
		}
	}
	return nil
}

// Redacted hides the secrets in NATS addresses.
func Redacted(urls string) string {
	all := strings.Split(urls, ",")
	for i, one := range all {
		u, err := url.Parse(strings.TrimSpace(one))
		switch {
		case err != nil && strings.Contains(one, "@"):
			all[i] = "…" + one[strings.LastIndex(one, "@"):]
		case err == nil && u.User != nil:
			u.User = nil
			all[i] = u.String()
		}
	}
	return strings.Join(all, ",")
}
