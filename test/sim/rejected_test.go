package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog"
	"github.com/aeriehq/aerie/workers/command"
)

// platform has a tenant that applications can be asked for.
func (r *rig) platform() {
	r.perform("create customer acme {}")
	r.perform(`create plan -/free {"deployment":"resource-shared","apps":[{"type":"postgres","size":"small"}]}`)
	r.perform(`create tenant acme/prod {"plan":"free"}`)
}

// application asks for one with a value of some bytes.
func application(name string, value string) command.Request {
	body, _ := json.Marshal(map[string]any{"spec": map[string]any{"chart": map[string]any{"name": "pg", "version": "1.0.0"}, "values": map[string]any{"a": value}}})
	return command.Request{Owner: "acme", Kind: "application", Name: "prod_" + name, Verb: ev.VerbCreate, Body: body, Caller: ev.LocalAdmin()}
}

// refusalIn is what a command was refused as; nil if it was not.
func refusalIn(err error) *ev.Refusal {
	var r *ev.Refusal
	errors.As(err, &r)
	return r
}

// TestOnlyTheGuiltyIsRefused: somebody has bounded the log's messages, and of a hundred commands that come at once five are
// larger. A round that fails by one of them is taken apart until that one is alone.
func TestOnlyTheGuiltyIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.platform()
	js, err := jetstream.New(r.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), eventlog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.MaxMsgSize = 20_000
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			size := 10
			if n%20 == 0 {
				size = 30_000
			}
			_, err := r.intake.SubmitRequest(t.Context(), application(fmt.Sprint("a", n), strings.Repeat("x", size)))
			switch refusal := refusalIn(err); {
			case size < 1000 && err != nil:
				t.Errorf("command %d, which is small: %v", n, err)
			case size > 1000 && (refusal == nil || refusal.Retryable || refusal.Code != ev.Internal):
				t.Errorf("command %d, which is too large: %v", n, err)
			}
		})
	}
	all.Wait()
}

// TestEachMessageIsMeasured: a command whose event is larger than a message may be is refused with that size, dry or not,
// and those beside it are not held up.
func TestEachMessageIsMeasured(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.platform()
	ref := ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"}
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			if _, err := r.intake.SubmitRequest(t.Context(), application(fmt.Sprint("a", n), "<")); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			c := command.Internal(ref, ev.ActorExecutor, ev.Update{Labels: map[string]string{"x": strings.Repeat("x", 1<<20)}})
			c.DryRun = n%2 == 0
			_, err := r.intake.SubmitCommand(t.Context(), c)
			if refusal := refusalIn(err); refusal == nil || refusal.Code != ev.Invalid || refusal.Retryable || !strings.Contains(refusal.Details[0].Message, "customer.labels_changed would have 10") {
				t.Errorf("a megabyte: %v", err)
			}
		})
	}
	all.Wait()
}
