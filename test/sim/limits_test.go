package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/internal/natstest"
	"github.com/aeriehq/aerie/workers/command"
)

// FuzzCommandsAtTheLimits gives commands of every kind that are as large as a body may be, of whatever is written longer
// than it came. None becomes a message that is too large, each ends, by request and by the queue, and none keeps others
// waiting.
func FuzzCommandsAtTheLimits(f *testing.F) {
	for seed := range uint64(3) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := newRig(t)
		r.platform()
		r.perform("create account -/main {\"cloud\":\"sim\",\"number\":\"4711\"}")
		r.perform(`create dataplane -/eu {"account":"main","region":"eu-central"}`)
		if _, err := r.intake.SubmitRequest(t.Context(), application("app", "x")); err != nil {
			t.Fatal(err)
		}
		q, err := queue.OpenQueue(t.Context(), r.nc)
		if err != nil {
			t.Fatal(err)
		}
		r.takeQueue(q, r.intake.TakeQueue)
		serving, stop := context.WithCancel(t.Context())
		defer stop()
		if err := r.intake.Serve(serving, r.nc, "0.0.0"); err != nil {
			t.Fatal(err)
		}
		largest := r.watchSizes()
		random := rand.New(rand.NewPCG(seed, 0))
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				if _, err := r.intake.SubmitRequest(t.Context(), labels("acme", int(seed), n)); err != nil {
					t.Errorf("one beside: %v", err)
				}
			})
			c := large(random)
			all.Go(func() { r.ends(c, n) })
		}
		all.Wait()
		if most := largest.Load(); most > r.nc.MaxPayload() || most < ev.MaxBody/2 {
			t.Errorf("seed %d: the largest message had %d bytes", seed, most)
		}
	})
}

// watchSizes keeps the size of the largest message that there was.
func (r *rig) watchSizes() *atomic.Int64 {
	var largest atomic.Int64
	nc, err := r.server.Connect("sizes")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	if _, err := nc.Subscribe("aerie.>", func(m *nats.Msg) {
		if n := int64(m.Size()); n > largest.Load() {
			largest.Store(n)
		}
	}); err != nil {
		r.t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		r.t.Fatal(err)
	}
	return &largest
}

// oversized is a command of which much is large.
type oversized struct{ subject, body string }

// ends gives a command, by request and by the queue, and waits until it has come to something.
func (r *rig) ends(c oversized, n int) {
	answer, err := r.nc.Request(command.CommandPrefix+c.subject, []byte(c.body), natstest.Patience)
	if err != nil {
		r.t.Errorf("%s of %d bytes, %.60s: %v", c.subject, len(c.body), c.body, err)
		return
	}
	var said struct {
		Error *ev.Refusal `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &said); err != nil || len(answer.Data) > 40<<10 || said.Error != nil && (said.Error.Retryable || said.Error.Code == ev.Internal) {
		r.t.Errorf("%s of %d bytes, %.60s: answered with %d bytes: %.300s", c.subject, len(c.body), c.body, len(answer.Data), answer.Data)
	}
	subject := c.subject[:strings.LastIndex(c.subject, ".")]
	last := fmt.Sprint("01LAST", n, subject[strings.LastIndex(subject, ".")+1:])
	for _, m := range []*nats.Msg{
		{Subject: "aerie.queue." + c.subject, Data: []byte(c.body)},
		{Subject: "aerie.queue." + subject + ".end", Data: []byte(`{}`), Header: nats.Header{"Nats-Msg-Id": {last}}}, // is refused, after the one before it
	} {
		if _, err := r.nc.RequestMsg(m, natstest.Patience); err != nil {
			r.t.Errorf("%s: %v", m.Subject, err)
			return
		}
	}
	natstest.Refusal(r.t, r.log, c.subject[:strings.Index(c.subject, ".")], last)
}

// large makes a command of about the size that a body may have.
func large(random *rand.Rand) oversized {
	fill := pickOf(random, "<", "&", ">", "\u2028", `\`, `"`, "\x01", "\x7f", "é", "\U0001F600", "a", "\b")
	fits := func(of func(n int) any) string { // about the largest that is not too large, or is by a little
		length := func(n int) int {
			body, _ := ev.Encode(of(n))
			return len(body)
		}
		const some = 1600
		n := ev.MaxBody * some / length(some)
		for length(n) > ev.MaxBody {
			n -= n/200 + 1
		}
		body, _ := ev.Encode(of(n + random.IntN(n/100+2)))
		return string(body)
	}
	many := func(n int, key func(int) string, value any) map[string]any {
		all := map[string]any{}
		for i := range n / 16 {
			all[key(i)] = value
		}
		return all
	}
	filled := func(n int) string { return strings.Repeat(fill, n) }
	named := func(i int) string { return fmt.Sprint(fill, i) }
	chart := map[string]any{"name": "pg", "version": "1.0.0"}
	values := func(v any) any { return map[string]any{"spec": map[string]any{"chart": chart, "values": v}} }
	spec := func(v any) any { return map[string]any{"spec": v} }
	app, addon := pickOf(random, "acme.application.prod_app.update", "acme.application.prod_b.create", "acme.application.prod_c.create"), pickOf(random, "-.addon.eu_a.create", "-.addon.eu_b.create")
	return pickOf(random,
		func() oversized {
			return oversized{app, fits(func(n int) any { return values(map[string]any{"a": filled(n)}) })}
		},
		func() oversized {
			return oversized{addon, fits(func(n int) any { return values(map[string]any{"a": filled(n)}) })}
		},
		func() oversized { return oversized{app, fits(func(n int) any { return values(many(n, named, 1)) })} },
		func() oversized {
			return oversized{app, `{"spec":{"chart":{"name":"pg","version":"1.0.0"},"values":{"a":[` + strings.Repeat("9e15,", ev.MaxBody/5-40) + `1e-6]}}}`}
		},
		func() oversized {
			return oversized{app, fits(func(n int) any {
				return spec(map[string]any{"manifests": []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}, "data": map[string]any{"a": filled(n)}}}})
			})}
		},
		func() oversized { return oversized{app, fits(func(n int) any { return spec(many(n, named, 1)) })} },
		func() oversized {
			return oversized{app, fits(func(n int) any { return values(many(n, named, json.RawMessage("1e99"))) })}
		},
		func() oversized {
			return oversized{app, fits(func(n int) any {
				return values(json.RawMessage(strings.Repeat(`{"a":`, n/6) + "1" + strings.Repeat("}", n/6)))
			})}
		},
		func() oversized {
			return oversized{"acme.customer.acme.update", fits(func(n int) any { return map[string]any{"labels": many(n, named, "x")} })}
		},
		func() oversized {
			return oversized{"acme.customer.acme.update", fits(func(n int) any {
				return map[string]any{"labels": many(n, func(i int) string { return fmt.Sprint("l", i) }, "x")}
			})}
		},
		func() oversized {
			return oversized{"birch.customer.birch.create", fits(func(n int) any { return spec(map[string]any{"displayName": filled(n)}) })}
		},
		func() oversized {
			return oversized{"-.tenantinfra.eu_pg.create", fits(func(n int) any {
				labels := many(n, func(i int) string { return fmt.Sprint("l", i) }, filled(5))
				return spec(map[string]any{"app": "postgres", "size": "small", "pools": []any{map[string]any{"name": "data", "machine": "s4", "labels": labels}}})
			})}
		},
		func() oversized {
			return oversized{"-.dataplane.eu.update", fits(func(n int) any {
				return spec(map[string]any{"account": "main", "region": "eu-central", "bootstrap": strings.Split(filled(n), "")})
			})}
		},
		func() oversized {
			return oversized{"-.plan.free.update", fits(func(n int) any {
				return spec(map[string]any{"apps": []any{map[string]any{"type": filled(n), "size": filled(n)}}})
			})}
		},
		func() oversized {
			return oversized{"-.account.second.create", fits(func(n int) any { return spec(map[string]any{"cloud": "sim", "number": filled(n), filled(n): 1}) })}
		},
	)()
}

func pickOf[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

func (r *rig) takeQueue(q *queue.CommandQueue, take func(context.Context, *queue.CommandQueue) error) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = take(ctx, q) })
	r.t.Cleanup(func() { cancel(); running.Wait() })
}
