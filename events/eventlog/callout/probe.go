package callout

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// probe is what a probe asks.
	probe = "probe"
	// probeToken begins what a probe shows.
	probeToken = "aerie-probe"
	// probeWithin bounds each step of a probe, and how long its token is good: another replica may be the one that is asked.
	probeWithin = 10 * time.Second
	// knownWithin is how long it may take until each server of a cluster knows that somebody answers it.
	knownWithin = 2 * time.Second
)

// probeUser begins the name of a probe, which is no actor's.
const probeUser = "probe:"

func probeName(id string) string { return probeUser + id }

func isProbeName(user string) bool { return strings.HasPrefix(user, probeUser) }

// newProbe is an id, and a token for who has it. It is good for nothing but to see whether callers are let in.
func (k Key) newProbe() (id, token string, err error) {
	id = "PROBE" + rand.Text()
	said := id + "." + strconv.FormatInt(time.Now().Unix(), 10)
	sig, err := k.issuer.Sign([]byte(probeToken + said))
	if err != nil {
		return "", "", fmt.Errorf("sign a probe: %w", err)
	}
	return id, probeToken + "." + said + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

// isProbe is the id of who shows the token of a probe.
func (k Key) isProbe(token string) (id string, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 4 || parts[0] != probeToken {
		return "", false
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || k.issuer.Verify([]byte(probeToken+parts[1]+"."+parts[2]), sig) != nil {
		return "", false
	}
	made, err := strconv.ParseInt(parts[2], 10, 64)
	return parts[1], err == nil && time.Since(time.Unix(made, 0)).Abs() < time.Minute
}

// Probe enters the servers as a caller would, asks, and is thrown out: so a configuration that lets nobody in, that lets no
// answers out, or with which nobody can be thrown out, is found before somebody relies on it. dial connects with a token and an
// inbox prefix.
func (s *Service) Probe(ctx context.Context, dial func(...nats.Option) (*nats.Conn, error)) error {
	id, token, err := s.key.newProbe()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	out := make(chan struct{})
	enter := func() (*nats.Conn, error) {
		return dial(nats.Token(token), nats.CustomInboxPrefix(inboxPrefix+id), nats.NoReconnect(), nats.Name("aerie probe"),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), nats.ClosedHandler(func(*nats.Conn) { close(out) }))
	}
	nc, err := enter()
	for end := time.Now().Add(knownWithin); errors.Is(err, nats.ErrAuthorization) && time.Now().Before(end); nc, err = enter() {
		time.Sleep(knownWithin / 10)
	}
	if errors.Is(err, nats.ErrAuthorization) {
		return fmt.Errorf("the NATS servers do not ask this aerie who enters: %w: %s", err, configureThem)
	}
	if err != nil {
		return fmt.Errorf("enter the NATS servers as a caller: %w", err)
	}
	defer nc.Close()
	if _, err := nc.RequestWithContext(ctx, fromPrefix+id+"."+probe, nil); err != nil {
		return fmt.Errorf("what callers ask does not come to aerie, or its answer not to them: %w: %s", err, configureThem)
	}
	n, err := s.evict(ctx, probeName(id))
	if err != nil {
		return fmt.Errorf("the NATS servers do not let aerie end connections of callers: %w: %s", err, configureThem)
	}
	if n == 0 {
		return fmt.Errorf("the NATS servers do not tell aerie of a connection of a caller that is there: %s", configureThem)
	}
	select {
	case <-out:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the NATS servers do not let aerie end connections of callers: %s", configureThem)
	}
}

// configureThem says what to do about servers that are configured otherwise.
const configureThem = "give each of them what aerie auth nats-config prints"
