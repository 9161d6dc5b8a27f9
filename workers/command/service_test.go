package command

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/liveness"
	"github.com/aeriehq/aerie/projections/state"
)

// What "nats micro" is told is true: how many commands there were, how many were refused, and the last refusal.
func TestTheServiceCountsRefusals(t *testing.T) {
	r := newIntakeRig(t)
	if err := r.intake.Serve(t.Context(), r.nc, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	asked := []string{"aerie.cmd.acme.customer.acme.create", "aerie.cmd.acme.tenant.prod.create", "aerie.cmd.much.too.short"}
	for _, subject := range asked {
		if _, err := r.nc.Request(subject, nil, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	r.intake.Answered() // an answer is counted right after it is sent
	var stats micro.Stats
	for _, subject := range []string{"$SRV.STATS", "$SRV.STATS.aerie"} {
		m, err := r.nc.Request(subject, nil, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(m.Data, &stats); err != nil {
			t.Fatal(err)
		}
		e := stats.Endpoints[0]
		if stats.Version != "1.2.3" || stats.Type != micro.StatsResponseType || e.NumRequests != len(asked) || e.NumErrors != 2 ||
			!strings.HasPrefix(e.LastError, "invalid:") || e.ProcessingTime <= 0 || e.Subject != "aerie.cmd.>" {
			t.Errorf("%s says %s", subject, m.Data)
		}
	}
	for subject, kind := range map[string]string{"$SRV.INFO.aerie": micro.InfoResponseType, "$SRV.PING": micro.PingResponseType, "$SRV.INFO.aerie." + stats.ID: micro.InfoResponseType} {
		m, err := r.nc.Request(subject, nil, 10*time.Second)
		if err != nil || !strings.Contains(string(m.Data), kind) || !strings.Contains(string(m.Data), stats.ID) {
			t.Errorf("%s says %v %v", subject, m, err)
		}
	}
	refused, err := r.nc.RequestMsg(nats.NewMsg(asked[1]), 10*time.Second)
	if err != nil || refused.Header.Get(micro.ErrorCodeHeader) != string(ev.Invalid) {
		t.Errorf("a refusal: %v %v", refused, err)
	}
}

// An intake whose round does not end is told of.
func TestAnIntakeThatHangsIsTold(t *testing.T) {
	r := openIntakeRig(t)
	r.fold = state.NewLive()
	r.intake = NewIntake(r.log, r.fold, ev.Builtin)
	var loops liveness.Loops
	r.intake.WatchedBy(loops.Loop("intake"))
	hangs, release := make(chan struct{}), make(chan struct{})
	r.intake.CountRounds(func(commands, events int, took time.Duration) {
		if commands != 1 || events != 1 || took <= 0 {
			t.Errorf("a round of %d commands and %d events took %s", commands, events, took)
		}
		close(hangs)
		<-release
	})
	r.run(0)
	answered := make(chan error, 1)
	go func() {
		_, err := r.intake.SubmitCommand(context.Background(), ev.Command{ID: "x", Ref: ev.Ref{Kind: ev.Customer, Owner: "acme", ID: "acme"},
			Actor: ev.ActorAdmin, Time: time.Now(), UID: "u", Payload: ev.Create{Spec: ev.CustomerSpec{}}})
		answered <- err
	}()
	<-hangs
	late := time.Now().Add(roundWithin + time.Second)
	if got := loops.Stalled(late); len(got) != 1 || got[0].What != "an append to the log" {
		t.Errorf("it hangs, and what stands still is %v", got)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}
