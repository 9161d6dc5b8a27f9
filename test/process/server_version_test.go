package process

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/aeriehq/aerie/internal/natstest"
)

// TestDefectiveServer meets a NATS server that is of a version known to do harm: at the start,
// which is refused, and at a reconnect, after which the replica is not ready until
// that is over.
func TestDefectiveServer(t *testing.T) {
	t.Parallel()
	const bad = "2.14.3"
	if len(bad) != len(server.VERSION) {
		t.Skip("the wire puts a version in another's place only if they are equally long")
	}
	x := natstest.StartExternal(t, 1, func(o *server.Options) { o.Cluster.NoAdvertise = true }) // there is no way but the wire
	line := newWire(t, strings.TrimPrefix(x.URL(), "nats://"))
	line.claim(bad)
	p := newReplica(t, "nats://"+line.addr(), filepath.Join(t.TempDir(), "cloud"), "0")
	refused(t, finish(aerie(t.Context(), p.args()...)), "n1", bad, "refuses atomic batches wrongly", "2.14.4")
	line.claim("")
	p.start()
	overHTTP(t, p, http.StatusOK)
	line.claim(bad)
	p.untilReady(http.StatusServiceUnavailable, bad)
	line.claim("")
	p.untilReady(http.StatusOK, "")
	overHTTP(t, p, http.StatusOK)
	p.interrupt()
}

// untilReady waits until /readyz has a status and says something.
func (p *process) untilReady(want int, says string) {
	p.t.Helper()
	status, body := 0, []byte(nil)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, body = p.http("/readyz"); status == want && strings.Contains(string(body), says) {
			return
		}
	}
	p.t.Fatalf("/readyz: %d %s, want %d %q", status, body, want, says)
}

// TestOtherAcknowledgements uses a NATS server whose acknowledgements have the subjects that
// 2.16 gives them.
func TestOtherAcknowledgements(t *testing.T) {
	t.Parallel()
	x := natstest.StartExternal(t, 1, func(o *server.Options) {
		o.FeatureFlags = map[string]bool{server.FeatureFlagJsAckFormatV2: true}
	})
	p := newReplica(t, x.URL(), filepath.Join(t.TempDir(), "cloud"), "0")
	p.start()
	if s := p.cli("apply", "-f", sharedOffer, "--wait"); s.code != 0 {
		t.Errorf("%+v\n%s", s, p.log)
	}
	if s := p.cli("log", "verify"); s.code != 0 {
		t.Errorf("%+v", s)
	}
	p.interrupt()
}
