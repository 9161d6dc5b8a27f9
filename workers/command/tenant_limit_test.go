package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/natstest"
)

// TestTheLastTenantsOfACustomer has 64 clients ask two replicas at once, on a cluster of NATS servers, for more tenants than their customer
// may have. It never has one too many, also while it comes to be allowed more; and nobody is refused who could have one.
func TestTheLastTenantsOfACustomer(t *testing.T) {
	t.Parallel()
	const clients, first, then = 64, 20, 30
	x := natstest.StartExternal(t, 3, nil)
	replicas := []*replica{startReplica(t, x), startReplica(t, x)}
	ask := func(nc *nats.Conn, subject, body string) error {
		for {
			_, err := request(t.Context(), nc, &nats.Msg{Subject: CommandPrefix + subject, Data: []byte(body), Header: nats.Header{}})
			var r *ev.Refusal
			if !errors.As(err, &r) || !r.Retryable {
				return err
			}
		}
	}
	admin := natstest.Dial(t, x)
	for subject, body := range map[string]string{"acme.customer.acme.create": fmt.Sprintf(`{"spec":{"tenants":%d}}`, first),
		"-.plan.free.create": `{"spec":{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}}`} {
		if err := ask(admin, subject, body); err != nil {
			t.Fatal(subject, err)
		}
	}
	var all []*nats.Conn
	for range clients {
		all = append(all, natstest.Dial(t, x))
	}
	// come has each client ask once for a tenant of its own, and counts those that get it.
	come := func(round string, meanwhile func()) int {
		var made atomic.Int32
		var asking sync.WaitGroup
		for n, nc := range all {
			asking.Go(func() {
				err := ask(nc, fmt.Sprintf("acme.tenant.%s%d.create", round, n), `{"spec":{"plan":"free"}}`)
				var r *ev.Refusal
				switch {
				case err == nil:
					made.Add(1)
				case !errors.As(err, &r) || r.Code != ev.Invalid || !strings.Contains(r.Error(), "customer acme may have"):
					t.Errorf("%s%d: %v", round, n, err)
				}
			})
		}
		meanwhile()
		asking.Wait()
		return int(made.Load())
	}
	if n := come("a", func() {}); n != first {
		t.Errorf("%d of %d clients have a tenant of %d", n, clients, first)
	}
	more := come("b", func() {
		if err := ask(admin, "acme.customer.acme.update", fmt.Sprintf(`{"spec":{"tenants":%d}}`, then)); err != nil {
			t.Error(err)
		}
	})
	if last := come("c", func() {}); more+last != then-first {
		t.Errorf("%d and %d more have one, want %d", more, last, then-first)
	}
	checkTenants(t, replicas[0], then)
	checkEqual(t, replicas)
}

// checkTenants reads the log: at each of its events the customer had no more tenants than it might have then, and so many at the end.
func checkTenants(t *testing.T, r *replica, want int) {
	t.Helper()
	end, err := r.log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	most, has := 0, 0
	err = r.log.Replay(context.WithoutCancel(t.Context()), 0, end, func(decision []ev.Recorded) error {
		for _, e := range decision {
			switch happened := e.Event.(type) {
			case ev.Created[ev.CustomerSpec]:
				most = happened.Spec.Tenants
			case ev.Updated[ev.CustomerSpec]:
				most = happened.Spec.Tenants
			case ev.Requested[ev.TenantSpec]:
				if has++; has > most {
					t.Errorf("at %d there are %d tenants, of %d", e.Seq, has, most)
				}
			}
		}
		return nil
	})
	if err != nil || has != want {
		t.Errorf("%d tenants in the log, want %d: %v", has, want, err)
	}
}
