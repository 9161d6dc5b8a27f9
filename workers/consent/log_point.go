package consent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// metFile has what the agent has met of the control plane's log.
const metFile = "met.json"

// met is how far the control plane's log was when it was heard last, and what is to be accepted first, if it is another one now.
type met struct {
	Log     ev.LogPoint `json:"log"` // that the agent works for
	Now     ev.LogPoint `json:"now,omitzero"`
	Since   time.Time   `json:"since,omitzero"`
	Differs bool        `json:"differs,omitempty"`
}

func readMet(dir string) (m met, err error) {
	data, err := os.ReadFile(filepath.Join(dir, metFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	return m, err
}

func (m met) write(dir string) error {
	data, err := ev.Encode(m)
	if err == nil {
		err = filestore.WriteWhole(filepath.Join(dir, metFile), data)
	}
	if err != nil {
		return fmt.Errorf("keep what was met of the log: %w", err)
	}
	return nil
}

// Log is how far the control plane's log was when it was heard last. Who asks the control plane something takes it before, for Meet.
func (g *Gate) Log() ev.LogPoint {
	if g == nil {
		return ev.LogPoint{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.met.Differs {
		return g.met.Now
	}
	return g.met.Log
}

// Meet takes how far the log was that an answer was given from, and how far it was known to be when that was asked. A log that
// is shorter, or of another epoch, was restored: from now on nothing is changed that stands here, until that is accepted. It is
// on disk before anything follows from the answer. A control plane of a release before says nothing of its log.
func (g *Gate) Meet(asked, now ev.LogPoint) error {
	if g == nil || now == (ev.LogPoint{}) {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := &g.met
	switch {
	case m.Differs && (asked != m.Now || now.Continues(asked)):
		return nil // it is known, and asked about
	case !m.Differs && (now.Continues(m.Log) || m.Log == ev.LogPoint{}):
		m.Log = now
		return nil
	case !m.Differs && (now.Continues(asked) || asked == ev.LogPoint{}):
		return nil // another answer was faster
	}
	differs := met{Log: m.Log, Now: now, Since: g.now().UTC(), Differs: true}
	if err := differs.write(g.dir); err != nil {
		return err
	}
	*m = differs
	g.log.add(Line{What: "another log", Message: g.whyDiffers()})
	slog.Warn(g.whyDiffers())
	return nil
}

// Keep keeps on disk how far the log is, and takes what somebody has accepted of what was met.
func (g *Gate) Keep(agreed ev.LogPoint) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	accepted := g.met.Differs && agreed == g.met.Now
	if accepted {
		g.met = met{Log: g.met.Now}
	}
	if g.met.Differs || g.met.Log == g.keptMet {
		g.mu.Unlock()
		return nil
	}
	err := g.met.write(g.dir)
	if err == nil {
		g.keptMet = g.met.Log
	}
	if accepted {
		g.log.add(Line{What: "accepted", Message: "the control plane's log, as it is now"})
	}
	g.mu.Unlock()
	if accepted {
		g.wake()
	}
	return err
}

// Differs is what was met and is not accepted yet; false if there is nothing.
func (g *Gate) Differs() (d ev.Difference, is bool) {
	if g == nil {
		return d, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return ev.Difference{Was: g.met.Log, Now: g.met.Now}, g.met.Differs
}

// whyDiffers says what waits for whom. It is called under the lock.
func (g *Gate) whyDiffers() string {
	m := g.met
	return fmt.Sprintf("agent %s has worked for epoch %d of the log up to event %d, and has met epoch %d at event %d. "+
		"It changes nothing that stands here until somebody accepts this: aerie agent accept %s; since %s",
		g.agent, m.Log.Epoch, m.Log.Seq, m.Now.Epoch, m.Now.Seq, g.agent, stamp(m.Since))
}
