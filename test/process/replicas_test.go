package process

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/aeriehq/aerie/cloud/sim"
	"github.com/aeriehq/aerie/internal/natstest"
)

// replicaKills is how often either of two replicas is killed.
const replicaKills = 4

// newReplica is a server on NATS servers that others use too, with the cloud in a
// directory that it shares with them.
func newReplica(t *testing.T, url, cloud, speed string) *process {
	t.Helper()
	p := newProcess(t, speed)
	p.natsURL = url
	p.more = []string{"--nats-url", url, "--cloud-dir", cloud}
	return p
}

// TestEitherReplicaIsKilled kills one of two replicas at random moments of the
// shared offer, and starts it again only when the other has gone on without it.
func TestEitherReplicaIsKilled(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, nil)
	cloud := filepath.Join(t.TempDir(), "cloud")
	pair := []*process{newReplica(t, x.URL(), cloud, "120"), newReplica(t, x.URL(), cloud, "120")}
	for _, p := range pair {
		p.start()
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	applied := pair[1].background("apply", "-f", sharedOffer, "--wait", "--timeout", "3m")
	for i := range replicaKills {
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // the random moment itself
		dead, alive := pair[i%2], pair[(i+1)%2]
		dead.kill()
		if s := alive.cli("customer", "create", fmt.Sprintf("kill%d", i), "--timeout", "30s"); s.code != 0 {
			t.Fatalf("with one replica: %+v\n%s", s, alive.log)
		}
		dead.start()
	}
	pair[0].kill() // all that is left is the other's
	if s := applied(); s.code != 0 {
		t.Fatalf("apply: %+v\n%s\n%s", s, pair[0].log, pair[1].log)
	}
	pair[0].start()
	equalViews(t, pair[0], pair[1])
	checkLedger(t, cloud)
}

// equalViews asks both for everything, until neither is behind.
func equalViews(t *testing.T, a, b *process) {
	t.Helper()
	last := max(seqOf(t, a), seqOf(t, b))
	for _, kind := range []string{"customers", "accounts", "plans", "dataplanes", "tenantinfras", "tenants", "applications"} {
		path := fmt.Sprintf("/v1/%s?limit=1000&min_seq=%d", kind, last)
		if x, y := itemsOf(t, a, path), itemsOf(t, b, path); x != y || x == "[]" {
			t.Errorf("%s differ:\n%s\n%s", kind, x, y)
		}
	}
}

func seqOf(t *testing.T, p *process) uint64 {
	t.Helper()
	var r struct {
		Seq uint64 `json:"seq"`
		Log string `json:"log"`
	}
	fetch(t, p, "/readyz", &r)
	if !strings.Contains(r.Log, "one NATS server") {
		t.Errorf("/readyz promises %q", r.Log)
	}
	return r.Seq
}

func itemsOf(t *testing.T, p *process, path string) string {
	t.Helper()
	var list struct {
		Items json.RawMessage `json:"items"`
	}
	fetch(t, p, path, &list)
	return string(list.Items)
}

func fetch(t *testing.T, p *process, path string, into any) {
	t.Helper()
	status, body := p.http(path)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}

// checkLedger finds that nothing was made twice or left.
func checkLedger(t *testing.T, dir string) {
	t.Helper()
	ledger, err := sim.ReadLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	if twice := ledger.Twice(); len(twice) > 0 {
		t.Errorf("made twice: %+v", twice)
	}
	if made, live := len(ledger.Resources), len(ledger.Live()); made != live || made == 0 {
		t.Errorf("%d resources were made, %d are left", made, live)
	}
}

// TestNATSRestarts restarts the one server that two replicas use while the shared
// offer comes up: what it had in memory is put again.
func TestNATSRestarts(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, nil)
	cloud := filepath.Join(t.TempDir(), "cloud")
	a, b := newReplica(t, x.URL(), cloud, "120"), newReplica(t, x.URL(), cloud, "120")
	a.start()
	b.start()
	applied := a.background("apply", "-f", sharedOffer, "--wait", "--timeout", "3m")
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // some way on
		<-ctx.Done()
		cancel()
		x.Kill(0)
		x.Start(0)
	}
	if s := applied(); s.code != 0 {
		t.Fatalf("apply: %+v\n%s\n%s", s, a.log, b.log)
	}
	equalViews(t, a, b)
	checkLedger(t, cloud)
}

// TestPromise reads in /readyz what was promised, from servers that sync and not.
func TestPromise(t *testing.T) {
	t.Parallel()
	for _, syncs := range []bool{true, false} {
		monitor := strings.TrimPrefix(natstest.Address(t), "127.0.0.1:")
		x := natstest.StartExternal(t, 1, func(o *server.Options) {
			o.SyncAlways, o.HTTPHost = syncs, "127.0.0.1"
			if _, err := fmt.Sscan(monitor, &o.HTTPPort); err != nil {
				t.Fatal(err)
			}
		})
		p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
		p.more = append(p.more, "--nats-monitor", "http://127.0.0.1:"+monitor)
		if !syncs {
			refused(t, finish(aerie(t.Context(), p.args()...)), "n1", "sync_interval: always")
			continue
		}
		p.start()
		if status, body := p.http("/readyz"); status != http.StatusOK || !strings.Contains(string(body), "on the disks of one NATS server") {
			t.Errorf("%d %s", status, body)
		}
	}
}

// describedUsers are the two users whom docs/nats.md describes, with exactly those rights.
func describedUsers() []*server.User {
	user := func(name string, publish, subscribe []string) *server.User {
		return &server.User{Username: name, Password: "secret", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe}}}
	}
	return []*server.User{
		user("aerie", []string{"aerie.append.>", "aerie.work.>", "aerie.timer.>", "aerie.report.>", "$JS.API.>", "$JS.ACK.>", "_INBOX.>"},
			[]string{"aerie.cmd.>", "aerie.report.>", "$SRV.>", "_INBOX.>"}),
		user("person", []string{"aerie.cmd.>", "aerie.queue.>", "$SRV.>", "$JS.API.STREAM.INFO.AERIE_EVENTS",
			"$JS.API.CONSUMER.*.AERIE_EVENTS.>", "$JS.API.CONSUMER.MSG.NEXT.AERIE_EVENTS.>", "$JS.API.DIRECT.GET.AERIE_EVENTS.>", "$JS.API.DIRECT.GET.AERIE_EVENTS"},
			[]string{"aerie.evt.>", "_INBOX.>"}),
	}
}

// TestRightsOnExternalNATS uses NATS servers over TLS that know the two users whom
// docs/nats.md describes, and nobody else.
func TestRightsOnExternalNATS(t *testing.T) {
	t.Parallel()
	ca, cert := natstest.Certificate(t)
	x := natstest.StartExternal(t, 1, func(o *server.Options) {
		o.TLS, o.TLSConfig = true, cert
		o.Users = describedUsers()
	})
	as := func(name string) string { return strings.Replace(x.URL(), "nats://", "tls://"+name+":secret@", 1) }
	p := newReplica(t, as("aerie"), filepath.Join(t.TempDir(), "cloud"), "0")
	refused(t, finish(aerie(t.Context(), p.args()...)), "connect to NATS", "certificate")
	p.more = append(p.more, "--nats-ca", ca)
	p.start()
	p.natsURL = as("person")
	if s := p.cli("apply", "-f", sharedOffer, "--wait", "--nats-ca", ca); s.code != 0 {
		t.Errorf("%+v\n%s", s, p.log)
	}
	if s := p.cli("log", "verify", "--nats-ca", ca); s.code != 0 {
		t.Errorf("%+v", s)
	}
	if s := p.cli("customer", "create", "fern2", "--timeout", "1s"); s.code == 0 || strings.Contains(s.err, "secret") {
		t.Errorf("without the CA: %+v", s)
	}
	for _, never := range []string{"secret", "ermissions"} {
		if strings.Contains(p.log.String(), never) {
			t.Errorf("the log has %q:\n%s", never, p.log)
		}
	}
}

// TestReplicaRefuses starts a replica where it can't work.
func TestReplicaRefuses(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, nil)
	used := newProcess(t, "0")
	used.start()
	used.kill()
	for _, tt := range []struct {
		name string
		args func(p *process) []string
		code int
		says []string
	}{
		{"nobody there", func(p *process) []string {
			return []string{"--nats-url", "nats://someone:secret@" + natstest.Address(t)}
		}, 1, []string{"connect to NATS", "--nats-url"}},
		{"a directory with a log", func(p *process) []string { return []string{"--nats-url", x.URL(), "--data-dir", used.dir} }, 1, []string{"a log of its own", "--data-dir"}},
		{"no address", func(p *process) []string { return []string{"--nats-url", "http://127.0.0.1"} }, 1, []string{"--nats-url", "no NATS address"}},
		{"half a certificate", func(p *process) []string { return []string{"--nats-url", x.URL(), "--nats-cert", os.Args[0]} }, 1, []string{"--nats-key"}},
		{"a log that is not the one it knows", func(p *process) []string {
			overwrite(t, filepath.Join(p.dir, "mark"), fmt.Sprintf("%020d\n", 1000))
			return []string{"--nats-url", x.URL()}
		}, 1, []string{"1000", "restore the stream"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProcess(t, "0")
			args := append([]string{"server", "--data-dir", p.dir, "--http", "127.0.0.1:0"}, tt.args(p)...)
			s := finish(aerie(t.Context(), args...))
			refused(t, s, tt.says...)
			if strings.Contains(s.err, "secret") {
				t.Error("it tells the password:", s.err)
			}
		})
	}
}
