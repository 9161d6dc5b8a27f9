package process

import (
	"bytes"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// killer stands between a server and an emulated cloud. It kills the server at calls that are chosen: before the call
// has its effect, or after that and before its answer.
type killer struct {
	choose func(meeting) bool // called by one at a time

	mu     sync.Mutex
	victim *os.Process     // nil: it is dying
	stage  string          // of the life that is lived
	met    map[string]bool // the calls, of each stage
	kills  map[string]*struct{ before, after int }
}

// meeting is a call that is about to be made, or about to be answered.
type meeting struct {
	stage, op, about string
	status           int // of the answer; 0: before the call
}

// call is what two lives have in common of a call.
func (m meeting) call() string {
	about, err := url.QueryUnescape(m.about)
	if err != nil {
		about = m.about
	}
	return m.stage + " " + m.op + " " + madeUp.ReplaceAllString(about, "…")
}

var (
	madeUp = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|-0[0-9a-f]{16}\b|\bip(-\d+){4}\b|-[a-z2-7]{13}\b|\b(sy|ma)[a-z2-7]{10}\b|[0-9A-F]{32}|[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{16,64}`)
	reads  = regexp.MustCompile(`^[a-z ]+ (GET|Describe|List|Get|Assume)`) // a call as call tells it
)

// part is which of so many parts of all calls it belongs to.
func (m meeting) part(parts int) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, m.call())
	return int(h.Sum32() % uint32(parts))
}

// everyCall chooses every call of one part of all once before it and, for each status that it is answered with, once after.
func everyCall(part, parts int) func(meeting) bool {
	hit := map[meeting]bool{}
	return func(m meeting) bool {
		if m.part(parts) != part || hit[m] {
			return false
		}
		hit[m] = true
		return true
	}
}

// around is what the emulated cloud's requests go through.
func (k *killer) around(cloud http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := k.meet(r)
		k.strike(m, r)
		answer := httptest.NewRecorder()
		cloud.ServeHTTP(answer, r)
		m.status = answer.Code
		k.strike(m, r)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // a client that is gone is no concern of ours
	})
}

// meet reads what a request is about.
func (k *killer) meet(r *http.Request) meeting {
	body, _ := io.ReadAll(r.Body) // what is cut is refused by the cloud
	r.Body = io.NopCloser(bytes.NewReader(body))
	k.mu.Lock()
	defer k.mu.Unlock()
	m := meeting{stage: k.stage, op: r.Method + " " + madeUp.ReplaceAllString(r.URL.Path, "…"), about: r.URL.RequestURI()}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		m.op, m.about = form.Get("Action"), string(body)
	}
	if k.choose != nil {
		k.met[m.call()] = true
	}
	return m
}

// strike kills the server if this is one of the calls; then it does not return.
func (k *killer) strike(m meeting, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.victim == nil || k.choose == nil || !k.choose(m) {
		return
	}
	_ = k.victim.Kill()
	k.victim = nil
	if k.kills[m.op] == nil {
		k.kills[m.op] = &struct{ before, after int }{}
	}
	if m.status == 0 {
		k.kills[m.op].before++
	} else {
		k.kills[m.op].after++
	}
	<-r.Context().Done() // the connection ends with the process
	panic(http.ErrAbortHandler)
}

// rage is a server that a killer kills, and that is started again each time.
type rage struct {
	*process
	*killer
	starts int
}

// startMortal starts the server, as often as it takes until it serves.
func (g *rage) startMortal() {
	g.t.Helper()
	for {
		g.starts++
		serves := g.launch()
		g.mu.Lock()
		g.victim = g.cmd.Process
		g.mu.Unlock()
		select {
		case <-serves:
			return
		case <-g.ended:
			g.mustBeKilled()
		case <-time.After(time.Minute):
			g.t.Fatalf("the server does not start:\n%s", g.log)
		}
	}
}

// mustBeKilled fails the test if the server ended by itself.
func (g *rage) mustBeKilled() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.victim != nil {
		g.t.Fatalf("the server ended by itself:\n%s", g.log)
	}
}

// longestChapter is the most time that a command may take over all lives of the server: on a busy machine most of it is spent
// on its starts.
const longestChapter = 30 * time.Minute

// lives runs a command to its end, over as many lives of the server as it takes.
func (g *rage) lives(args ...string) said {
	g.t.Helper()
	done := make(chan said, 1)
	go func() { done <- g.cliWithin(longestChapter, args...) }()
	for {
		select {
		case s := <-done:
			return s
		case <-g.ended:
			g.mustBeKilled()
			g.startMortal()
		}
	}
}

// enter begins a stage.
func (g *rage) enter(stage string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stage = stage
}

// spare kills nobody until it is ended.
func (g *rage) spare() (end func()) {
	set := func(choose func(meeting) bool) (was func(meeting) bool) {
		g.mu.Lock()
		defer g.mu.Unlock()
		was, g.choose = g.choose, choose
		return was
	}
	was := set(nil)
	return func() { set(was) }
}

// stop ends the killing.
func (g *rage) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.choose = nil
}

// tell logs at which kinds of calls the server was killed, and returns how often.
func (k *killer) tell(t *testing.T) (all int) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, op := range slices.Sorted(maps.Keys(k.kills)) {
		n := k.kills[op]
		t.Logf("%4d before and %4d after %s", n.before, n.after, strings.TrimSpace(op))
		all += n.before + n.after
	}
	return all
}

// TestCallsThatOnlyLook tells calls in chapters of several words, and the same call of another life from others.
func TestCallsThatOnlyLook(t *testing.T) {
	for about, want := range map[meeting]bool{
		{stage: "wish in vain", op: "GET", about: "/clusters"}: true, {stage: "build", op: "ListRoleTags", about: "Action=ListRoleTags"}: true,
		{stage: "replace own", op: "PATCH", about: "/nodes/x?GET"}: false, {stage: "build", op: "CreateTags", about: "Action=CreateTags"}: false,
	} {
		if is := reads.MatchString(about.call()); is != want {
			t.Errorf("%s only looks: %t", about.call(), is)
		}
	}
	one, other := meeting{stage: "replace", op: "PATCH", about: "/nodes/ip-10-0-102-0.eu-central-1.compute.internal"}, meeting{stage: "replace", op: "PATCH", about: "/nodes/ip-10-0-67-0.eu-central-1.compute.internal"}
	if one.call() != other.call() || one.part(6) != other.part(6) {
		t.Errorf("%s is another call than %s", one.call(), other.call())
	}
}
