package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/execute"
	"github.com/aeriehq/aerie/workers/reconcile"
)

// planted are how many secrets there are, in applications of ten each.
const planted = 200

// spoken keeps what the program logs.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// TestPlantedSecrets installs applications that refer to 200 secrets, and one add-on, has some fail, cuts the control plane
// off in the middle, rotates, rolls back and removes: the secrets are in the cluster, in Secrets, and nowhere else.
func TestPlantedSecrets(t *testing.T) {
	before := slog.Default()
	var said spoken
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	dir, stores := t.TempDir(), t.TempDir()
	secret := func(i int) string { return fmt.Sprintf("planted-%03d-%x", i, i*7919+104729) }
	for i := range planted {
		write(t, filepath.Join(stores, "acme", fmt.Sprintf("app%d", i/10), fmt.Sprintf("k%d", i%10)), secret(i))
	}
	config := filepath.Join(t.TempDir(), "stores.yaml")
	write(t, config, fmt.Sprintf(`stores: [{name: files, file: {dir: %q}, serves: [{owner: acme, names: ["acme/*"]}, {owner: "-", names: ["acme/app0"]}]}]`, stores))
	settings := Settings{DataDir: dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SecretStores: config}
	c, err := Start(settings)
	if err != nil {
		t.Fatal(err)
	}
	admin := dial(t, c)
	for _, command := range []struct{ subject, body string }{
		{"acme.customer.acme.create", `{}`},
		{"-.plan.free.create", `{"spec":{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}}`},
		{"-.account.main.create", `{"spec":{"cloud":"sim","number":"4711"}}`},
		{"-.dataplane.eu.create", `{"spec":{"account":"-/main","region":"eu-central"}}`},
		{"-.tenantinfra.eu_pg.create", `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"s4"}]}}`},
		{"acme.tenant.prod.create", `{"spec":{"plan":"-/free"}}`},
		{"-.addon.eu_tool.create", `{"spec":{"manifests":[` + manifestOf(0, 3, "") + `]}}`},
	} {
		order(t, admin, command.subject, command.body)
	}
	for i := range planted / 10 {
		order(t, admin, fmt.Sprintf("acme.application.prod_app%d.create", i), `{"spec":{"manifests":[`+manifestOf(i, 10, "")+`]}}`)
	}
	order(t, admin, "acme.application.prod_hostile.create", `{"spec":{"manifests":[`+strings.ReplaceAll(manifestOf(0, 1, "x"), "files/acme/app0", "files/birch/app0")+`]}}`)
	order(t, admin, "acme.application.prod_leak.create", leaking)
	admin.Close()
	if err := c.Close(); err != nil { // in the middle of it
		t.Fatal(err)
	}
	if c, err = Start(settings); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	admin = dial(t, c)
	defer admin.Close()
	for i := range planted / 10 {
		until(t, c, fmt.Sprintf("acme/prod_app%d", i), fsm.Deployed)
	}
	until(t, c, "acme/prod_hostile", fsm.Failed)
	until(t, c, "acme/prod_leak", fsm.Failed)
	write(t, filepath.Join(stores, "acme/app1/k0"), "planted-another-value")
	order(t, admin, "acme.application.prod_app1.update", `{"spec":{"manifests":[`+manifestOf(1, 10, "x")+`]}}`)
	until(t, c, "acme/prod_app1", fsm.Deployed)
	order(t, admin, "acme.application.prod_app1.rollback", `{}`)
	until(t, c, "acme/prod_app1", fsm.Deployed)
	rollOut(t, c, "acme/prod_app3", filepath.Join(stores, "acme/app3/k0"))
	order(t, admin, "acme.application.prod_app2.delete", `{}`)
	until(t, c, "acme/prod_app2", fsm.Uninstalled)

	api := clusterOf(t, c)
	found := 0
	for _, kind := range []string{"Secret", "ConfigMap", "Namespace", "ServiceAccount"} {
		all, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			data, _ := json.Marshal(o)
			if n := strings.Count(string(data), "planted-"); n > 0 && kind != "Secret" {
				t.Errorf("%s holds a secret", o.Key())
			} else {
				found += n
			}
		}
	}
	if want := planted - 10 + 3; found != want { // app2 is gone, and the add-on has three
		t.Errorf("the cluster's Secrets hold %d secrets, want %d", found, want)
	}
	told := fetch(t, c, c.Token, "/v1/events?limit=1000") + fetch(t, c, c.Token, "/v1/applications?limit=1000") + fetch(t, c, c.Token, "/v1/operations?limit=1000")
	if !strings.Contains(told, "${secret:files/acme/app1#k0}") || strings.Contains(told, "planted-") {
		t.Error("HTTP tells a secret, or no reference")
	}
	streams := streamsOf(t, c)
	if !strings.Contains(streams, "secret:files/acme/app1#k0") || strings.Contains(streams, "planted-") {
		t.Error("a stream holds a secret, or no reference")
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "cloud" {
			return fs.SkipDir // the simulated clusters themselves
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("planted-")) {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	said.mu.Lock()
	defer said.mu.Unlock()
	if text := said.text.String(); strings.Contains(text, "planted-") || !strings.Contains(text, "attempt failed") {
		t.Error("the program's log says a secret, or nothing of failures")
	}
}

// rollOut gives a secret another value, has a look notice it, and waits until the cluster has it.
func rollOut(t *testing.T, c *Control, path, file string) {
	t.Helper()
	ref, _ := ev.ParseRef(ev.Application, path)
	look := func() []ev.Drift {
		var e fsm.Entity[fsm.Data]
		var made []ev.Effect
		c.Live.View(func(w *state.Entities) {
			e, _ = w.Get(ref)
			made = fsm.Machines[ref.Kind].ExpectedEffects(e, w.Refs())
		})
		clouds := map[string]execute.Cloud{"sim": c.clouds["sim"].cloud()}
		note, err := reconcile.Compare(t.Context(), execute.NewTask(ev.Work{Ref: ref, UID: e.UID}, clouds, c.charts), made, map[string]kube.API{})
		if err != nil || len(made) == 0 {
			t.Fatal(err, made)
		}
		if len(note.Found) > 0 {
			drifted := command.Internal(ref, ev.ActorExecutor, note)
			if _, err := c.Intake.SubmitCommand(t.Context(), drifted); err != nil {
				t.Fatal(err)
			}
		}
		return note.Found
	}
	if found := look(); len(found) > 0 {
		t.Error("nothing has changed, and found is", found)
	}
	write(t, file, "planted-rolled-out")
	if found := look(); !ev.Rotated(found) {
		t.Error("a secret has another value, and found is", found)
	}
	until(t, c, path, fsm.Deployed)
	o, err := clusterOf(t, c).Get(t.Context(), "v1", "Secret", "acme--prod", "app3")
	if data, _ := json.Marshal(o); err != nil || !strings.Contains(string(data), "planted-rolled-out") {
		t.Error("it is not rolled out:", err, string(data))
	}
	if found := look(); len(found) > 0 {
		t.Error("it is rolled out, and found is", found)
	}
}

// leaking refers to a secret and can't be installed once that was read.
const leaking = `{"spec":{"chart":{"name":"nosuch","version":"1.0.0"},"values":{"a":"${secret:files/acme/app0#k0}"}}}`

// manifestOf is a Secret that refers to some secrets of an application.
func manifestOf(app, secrets int, suffix string) string {
	data := map[string]string{}
	for k := range secrets {
		data[fmt.Sprintf("k%d%s", k, suffix)] = fmt.Sprintf("https://shop/${secret:files/acme/app%d#k%d}", app, k)
	}
	encoded, _ := json.Marshal(data)
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"app%d"},"stringData":%s}`, app, encoded)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, c *Control) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(c.NATSURL(), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

func order(t *testing.T, nc *nats.Conn, subject, body string) {
	t.Helper()
	if answer := ask(t, nc, "aerie.cmd."+subject, "", body); errorCode(answer) != "" {
		t.Fatal(subject, answer)
	}
}

// until waits until an application is in a phase, with nothing owed.
func until(t *testing.T, c *Control, path string, phase fsm.Phase) {
	t.Helper()
	ref, _ := ev.ParseRef(ev.Application, path)
	for seq := c.Views.AsOf().Seq; ; seq++ {
		var is fsm.Phase
		c.Live.View(func(w *state.Entities) {
			e, _ := w.Get(ref)
			is = e.Phase()
		})
		if is == phase {
			return
		}
		if err := c.Live.Wait(t.Context(), seq+1); err != nil {
			t.Fatal(path, is, err)
		}
	}
}

// clusterOf is the API of the cluster of dataplane -/eu.
func clusterOf(t *testing.T, c *Control) kube.API {
	t.Helper()
	var name string
	c.Live.View(func(w *state.Entities) {
		e, _ := w.Get(ev.Ref{Kind: ev.Dataplane, Owner: "-", ID: "eu"})
		name = e.Data.(fsm.DataplaneData).Cluster.Cluster
	})
	sim := c.clouds["sim"].cloud()
	api, err := sim.Kube(t.Context(), cloud.Scope{Account: cloud.Account{ID: "4711"}, Region: "eu-central"}, name)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// streamsOf is all that the streams hold.
func streamsOf(t *testing.T, c *Control) string {
	t.Helper()
	js, err := jetstream.New(c.Conn)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range []string{"AERIE_EVENTS", queue.WorkStream, "AERIE_QUEUE", "AERIE_TIMERS"} {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq && seq > 0; seq++ {
			m, err := s.GetMsg(t.Context(), seq)
			if err != nil {
				continue // it was worked off
			}
			all.WriteString(m.Subject)
			fmt.Fprintln(&all, m.Header)
			all.Write(m.Data)
		}
	}
	return all.String()
}
