package sim

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
)

// keptSecret is what a Secret says since somebody wrote it down, when so much had been done by hand.
type keptSecret struct {
	said   string
	byHand int
}

// keepsSecret has somebody write down in a tenant's namespace, where it serves, a Secret that follows it, each time with something else.
func (l *life) keepsSecret() {
	ref := refs(ev.Tenant)[l.rnd.IntN(2)]
	e, _ := l.world.Get(ref)
	d, is := e.Data.(fsm.TenantData)
	resting := e.Phase() == fsm.Active || e.Phase() == fsm.Suspended
	if !is || d.Placement == nil || d.Placement.Record != "" || !resting && (e.Phase() != fsm.Moving || d.Move == nil || !d.Move.Closed.IsZero()) {
		return
	}
	api, err := l.cloud.Kube(context.Background(), execute.ScopeOf(d.Site), d.Cluster)
	if err != nil {
		return // it is gone, which is seen elsewhere
	}
	o := kube.NewObject("v1", "Secret", d.Placement.Namespace, "db", nil).Marked("", map[string]string{kube.LabelFollow: "true"}, nil)
	said := base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(l.world.Seq, l.now)))
	o["data"] = map[string]any{"password": said}
	if _, err := api.Apply(context.Background(), o); err == nil {
		l.secrets[ref] = keptSecret{said, l.seen["by hand"]}
		l.say("the Secret of %s is another", ref)
	}
}

// checkSecret looks, when a tenant's move has ended, whether the Secret that it had last is where it is.
func (l *life) checkSecret(ref ev.Ref, seen *moveSeen) {
	kept, some := l.secrets[ref]
	if !some || l.seen["by hand"] != kept.byHand {
		return // or somebody may have deleted it
	}
	ledger, err := l.ledger.Read()
	l.must(err)
	e, _ := l.world.Get(ref)
	d := e.Data.(fsm.TenantData)
	for _, o := range ledger.Objects(d.Cluster) {
		if o.Kind() == "Secret" && o.Namespace() == d.Placement.Namespace && o.Name() == "db" && kube.MapOf(o["data"])["password"] == kept.said {
			l.seen["moves that a Secret was looked for after"]++
			return
		}
	}
	l.wrong("the Secret of %s is not on %s as it was last: %v", ref, d.Placement.Dataplane, seen.happened)
}
