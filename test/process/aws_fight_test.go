package process

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/relapse"
	"github.com/aeriehq/aerie/internal/client"
)

const foughtOver = oneDataplane + `
---
kind: dataplane
name: west
spec: {account: main, region: eu-west-1}
---
kind: dataplane
name: east
spec: {account: main, region: us-east-1}
---
kind: dataplane
name: far
spec: {account: main, region: us-west-2}
---
kind: dataplane
name: north
spec: {account: main, region: eu-north-1, cluster: {access: [{principal: "arn:aws:iam::444455556666:role/ops", policy: view}]}}
---
kind: addon
name: eu_settings
spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {k: ours}}]}
`

// A fight is about something in AWS that somebody changes or deletes again after each repair.
type fight struct {
	kind, name, says string
	drifts           int             // how often it was noticed
	pauses           []time.Duration // for which it was left to him
}

// TestFightsOnAWS has somebody undo each repair: of node groups, by another bound and by deleting them, of add-ons, of an identity
// provider, of who may enter a cluster, and of an object in one. It is told as a fight, with his name where a cluster keeps it, and
// left to him for a while, which gets longer. When he stops, it is repaired by itself, and nothing is the matter.
func TestFightsOnAWS(t *testing.T) {
	if testing.Short() {
		t.Skip("between two looks there are 15 seconds at least")
	}
	t.Parallel()
	a, p := awsWith(t, foughtOver)
	fights := []*fight{{kind: "dataplane", name: "-/eu", says: "system pool was changed: max is 9"}, {kind: "dataplane", name: "-/west", says: "system pool was deleted"},
		{kind: "dataplane", name: "-/east", says: "cloud add-ons was deleted: dns"},
		{kind: "dataplane", name: "-/far", says: "cloud add-ons was changed: storage is without the identity provider of its cluster, which is gone"},
		{kind: "dataplane", name: "-/north", says: "cluster was changed: access of arn:aws:iam::444455556666:role/ops is nothing"},
		{kind: "addon", name: "-/eu_settings", says: "by argocd-controller, ConfigMap settings/settings was changed"}}
	const hands = `[{"change":"nodegroup","match":"eu-central-1","set":{"scalingConfig":{"maxSize":9}}},{"delete":"nodegroup","match":"eu-west-1"},
		{"delete":"addon","match":"us-east-1"},{"delete":"oidc-provider","match":"us-west-2"},{"delete":"access-entry","match":"role/ops"}]`
	for times := 1; times <= relapse.Contested+1; times++ {
		overwrite(t, filepath.Join(a.dir, "by-hand.json"), hands)
		a.changeSettings(p, "argocd-controller")
		for _, f := range fights {
			f.noticed(p, times)
		}
		for _, f := range fights { // nobody retries it
			p.until(f.kind, f.name, well)
		}
	}
	for _, f := range fights {
		if len(f.pauses) != 2 || f.pauses[1] <= f.pauses[0] {
			t.Errorf("on %s it gave way for %v", f.name, f.pauses)
		}
	}
	a.endsWell(p)
}

func well(e client.Entity) bool {
	return (e.Phase == "Active" || e.Phase == "Deployed") && e.Status.Reason == nil
}

// changeSettings changes the ConfigMap of the addon settings under the name of a program.
func (a *emulatedAWS) changeSettings(p *process, manager string) {
	a.t.Helper()
	api, _ := a.inCluster(p, "-/eu")
	object, err := api.Get(a.t.Context(), "v1", "ConfigMap", "settings", "settings")
	if err != nil {
		a.t.Fatal(err)
	}
	object["data"] = map[string]any{"k": "theirs"}
	delete(object.Metadata(), "managedFields")
	body, err := json.Marshal(object)
	if err != nil {
		a.t.Fatal(err)
	}
	to, _ := a.wayIn(p, "-/eu")
	token, _, err := to.Token(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	known := x509.NewCertPool()
	known.AppendCertsFromPEM(to.CA)
	q, err := http.NewRequestWithContext(a.t.Context(), http.MethodPatch,
		to.Endpoint+"/api/v1/namespaces/settings/configmaps/settings?force=true&fieldManager="+manager, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	q.Header = http.Header{"Content-Type": {"application/apply-patch+yaml"}, "Authorization": {"Bearer " + token}}
	answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: known}}}).Do(q)
	if err != nil {
		a.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		a.t.Fatal(answer.Status)
	}
}

// noticed waits until what was undone so often is noticed, and checks what was said of it right then: a pause may be over before
// anybody asks.
func (f *fight) noticed(p *process, times int) {
	p.t.Helper()
	var seen []client.Event
	p.until(f.kind, f.name, func(client.Entity) bool {
		seen = f.drifted(p)
		return len(seen) > f.drifts
	})
	f.drifts = len(seen)
	var e client.Entity
	at := p.cli("get", f.kind, f.name, "-o", "json", "--at", fmt.Sprint(seen[len(seen)-1].Seq))
	if err := json.Unmarshal([]byte(at.out), &e); err != nil {
		p.t.Fatalf("%+v", at)
	}
	why := e.Status.Reason
	if contested := why != nil && why.Code == events.Contested; contested != (times >= relapse.Contested) {
		p.t.Errorf("%s, which was undone %d times, is %s: %+v", f.name, times, e.Phase, why)
	} else if !contested {
		return
	}
	if !strings.Contains(why.Message, f.says) || !strings.Contains(why.Message, fmt.Sprintf("%d times by now", times)) || !why.Retried || why.NextAt.IsZero() {
		p.t.Errorf("%s, which was undone %d times: %+v", f.name, times, why)
	}
	f.pauses = append(f.pauses, why.NextAt.Sub(why.Since))
}

// drifted are the events by which it was noticed.
func (f *fight) drifted(p *process) (seen []client.Event) {
	p.t.Helper()
	var all struct{ Items []client.Event }
	told := p.cli("history", f.kind, f.name, "-o", "json")
	if err := json.Unmarshal([]byte(told.out), &all); err != nil {
		p.t.Fatalf("%v: %+v", err, told)
	}
	for _, e := range all.Items {
		if e.Type == (events.Drifted{}).Type() {
			seen = append(seen, e)
		}
	}
	return seen
}
