// Package filestore looks after the files in which the embedded NATS server keeps the log:
// nats-server neither locks its directory nor refuses a damaged one. It holds the data
// directory for one process, keeps the mark of the highest sequence that was answered,
// refuses a start where the store is absent, has gaps or ends before the mark, notices files
// that go while the server runs, and reads events where they lie in full blocks.
//
// It writes nothing into the store and knows nothing of events: eventlog decodes what it
// reads. Begin with Guard. A Guard is safe for concurrent use. What it keeps (the mark, the
// list of blocks that were looked at) is checked when it is read, and a crash between two
// writes leaves it behind what the log holds, never before it.
package filestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go/jetstream"
)

// Guard holds a data directory: it keeps other processes out, and remembers how
// far the log had come, because nats-server itself takes a lost or cut store for
// an empty or shorter one. Its methods may be called from any goroutine.
type Guard struct {
	dir     string
	Replica bool // the log is not here, but on NATS servers that others use too
	lock    *flock.Flock
	mark    *os.File
	files   presence

	mu   sync.Mutex
	high uint64
}

// markFile is the name of the mark in the directory.
const markFile = "mark"

// markFormat has one length for every sequence, so that a mark is written over
// the one before it, within one sector.
const markFormat = "%020d\n"

// Open makes the directory if need be, readable by its owner only, and locks it.
// The rights of one that is there are set right, or it is refused (checkRights).
// It fails where another process holds the directory, where it cannot be
// written, and where a store of the embedded server in it (at its top or one
// below) lacks an event that was acknowledged, or has it otherwise than it was
// written; the error says what to do, and nothing was changed. To find that out
// it reads the whole store. So it is called before the server is started.
func Open(dir string) (*Guard, error) {
	g, err := hold(dir)
	if err != nil {
		return nil, err
	}
	if err := g.Inspect(); err != nil {
		return nil, errors.Join(fmt.Errorf("take data directory: %w", err), g.Release())
	}
	return g, nil
}

// OpenReplica is Take for a replica whose log is on NATS servers of somebody else's:
// there is no store to look at, and the mark is what this replica was told to be
// there. It refuses a directory with a store, whose mark is of that store's log.
func OpenReplica(dir string) (*Guard, error) {
	g, err := hold(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "nats")); err == nil {
		return nil, errors.Join(fmt.Errorf("take data directory %s: it has a log of its own, which --nats-url would leave behind: "+
			"choose another directory with --data-dir, or start without --nats-url", dir), g.Release())
	}
	g.Replica = true
	return g, nil
}

// hold makes the directory if need be, locks it and reads the mark.
func hold(dir string) (*Guard, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, notWritable(dir, err)
	}
	if err := checkRights(dir); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	if err != nil {
		return nil, notWritable(dir, err)
	}
	if !free {
		return nil, fmt.Errorf("take data directory %s: another aerie uses it: stop that one, or choose another directory with --data-dir", dir)
	}
	g := &Guard{dir: dir, lock: lock}
	if err := g.openMark(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return g, nil
}

func notWritable(dir string, err error) error {
	return fmt.Errorf("take data directory %s: %w: make it writable for this user, or choose another directory with --data-dir", dir, err)
}

// openMark reads the mark, and makes it, once and durably, in a new directory.
func (g *Guard) openMark() error {
	path := filepath.Join(g.dir, markFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return notWritable(g.dir, err)
	}
	data, err := os.ReadFile(path)
	if err == nil && len(data) == 0 && g.used() {
		return errors.Join(fmt.Errorf("take data directory %s: it was used before, and its file mark is lost: the store may be damaged: %s", g.dir, remedy), f.Close())
	}
	if err == nil && len(data) == 0 {
		data = fmt.Appendf(nil, markFormat, 0)
		if _, err = f.WriteAt(data, 0); err == nil {
			err = f.Sync()
		}
	}
	if err != nil {
		return errors.Join(notWritable(g.dir, err), f.Close())
	}
	g.high, err = strconv.ParseUint(strings.TrimSuffix(string(data), "\n"), 10, 64)
	if err != nil || len(data) != len(fmt.Sprintf(markFormat, 0)) {
		return errors.Join(fmt.Errorf("take data directory %s: its file mark is damaged: %s", g.dir, remedy), f.Close())
	}
	g.mark = f
	return nil
}

// used tells whether a server kept something here: the mark is made before
// anything else.
func (g *Guard) used() bool {
	for _, kept := range []string{"nats", "cloud"} {
		if _, err := os.Stat(filepath.Join(g.dir, kept)); err == nil {
			return true
		}
	}
	return false
}

// Mark is the highest sequence that was ever acknowledged in this directory, 0
// if it is new.
func (g *Guard) Mark() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.high
}

// Advance raises the mark to a sequence that was acknowledged; a lower one
// changes nothing. The mark is written but not synced: it survives a killed
// process, and a power failure may set it back to an older one, which makes the
// check at the next start weaker but never wrong.
func (g *Guard) Advance(seq uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seq <= g.high {
		return nil
	}
	if _, err := g.mark.WriteAt(fmt.Appendf(nil, markFormat, seq), 0); err != nil {
		return fmt.Errorf("mark sequence %d in %s: %w", seq, g.dir, err)
	}
	g.high = seq
	return nil
}

// Release lets go of the directory. The mark stays.
func (g *Guard) Release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := errors.Join(g.mark.Sync(), g.mark.Close(), g.lock.Unlock()); err != nil {
		return fmt.Errorf("release data directory %s: %w", g.dir, err)
	}
	return nil
}

// remedy is what people can do about a damaged store.
const remedy = "restore a backup of the directory, or start with another --data-dir; aerie changed nothing, keep what is there"

// Damaged says what was found and what to do.
func (g *Guard) Damaged(found string) error {
	if g.dir == "" { // only read
		return fmt.Errorf("the log is damaged: %s: on a cluster mend the NATS server that differs (docs/nats.md, A damaged server of a cluster), else restore a backup", found)
	}
	if g.Replica {
		return fmt.Errorf("the log on the NATS servers is not the one that %s knows: events up to %d were acknowledged, but %s: "+
			"let aerie log verify say whether one server of a cluster differs, and mend that one; "+
			"else restore the stream. If a shorter log is meant, start first on a directory that aerie restore --data-dir DIR has made; aerie changed nothing", g.dir, g.Mark(), found)
	}
	return fmt.Errorf("the store in %s is damaged: events up to %d were acknowledged, but %s: %s", g.dir, g.Mark(), found, remedy)
}

// Absent judges a log that is not there.
func (g *Guard) Absent() error {
	if g.Mark() == 0 {
		return nil
	}
	return g.Damaged("there is no log")
}

// Check judges the log that is there.
func (g *Guard) Check(s jetstream.StreamState) error {
	switch {
	case s.LastSeq < g.Mark():
		return g.Damaged(fmt.Sprintf("the log ends at %d", s.LastSeq))
	case s.LastSeq == 0:
		return nil
	case s.Msgs == 0:
		return g.Damaged(fmt.Sprintf("the log is empty, though it ends at %d", s.LastSeq))
	case s.FirstSeq != 1:
		return g.Damaged(fmt.Sprintf("the log starts at %d", s.FirstSeq))
	case s.Msgs != s.LastSeq-s.FirstSeq+1:
		return g.Damaged(fmt.Sprintf("the log has %d events of %d", s.Msgs, s.LastSeq))
	}
	return nil
}
