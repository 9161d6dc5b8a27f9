package consent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// The answers to a question.
const (
	Approved = "approved"
	Denied   = "denied"
)

// Question is a change that people are asked about. An approval covers what was shown, and where something is made, what the
// same change of the same spec asks for besides, each effect once: another content of an effect is another question.
type Question struct {
	ID      string            `json:"id"`
	Was     []string          `json:"was,omitempty"` // the ids of what was asked before this, and is no longer
	Class   Class             `json:"class"`
	Ref     ev.Ref            `json:"ref"`
	UID     string            `json:"uid"`
	Spec    int               `json:"spec"`
	Since   time.Time         `json:"since"`
	Effect  string            `json:"effect"` // what is to be done now
	Args    json.RawMessage   `json:"args,omitempty"`
	Effects map[string]string `json:"effects"`        // what it covers: effects, and their digests
	Used    []string          `json:"used,omitempty"` // the effects of these that were done
	Place   string            `json:"place"`          // where the work is owed
	Told    uint64            `json:"told,omitempty"` // of a denial: the sequence of the entity that it is told for
	Answer  string            `json:"answer,omitempty"`
	By      string            `json:"by,omitempty"`
	Because string            `json:"because,omitempty"`
	At      time.Time         `json:"at,omitzero"`
}

// Waiting is a change that waits for the end of a freeze or a pause.
type Waiting struct {
	Ref    ev.Ref    `json:"ref"`
	Place  string    `json:"place"`
	Class  Class     `json:"class"`
	Effect string    `json:"effect"`
	Why    string    `json:"why"`
	Since  time.Time `json:"since"`
}

// state is what is known of questions and of what was done, as it is on disk.
type state struct {
	Asked   []*Question                  `json:"asked"`
	Waiting map[string]Waiting           `json:"waiting"` // by the entity
	Done    map[string]map[string]string `json:"done"`    // by incarnation and effect: the digest
}

// keepAnswered is for how long answered questions are kept: work that takes longer is asked about again.
const keepAnswered = 90 * 24 * time.Hour

// question is the one about a change, whether it is asked now, and whether something of it is to be written down.
func (s *state) question(c Change, class Class, now time.Time) (q *Question, asked, changed bool) {
	content := contentOf(c.Work)
	if fixed[c.Effect] == Move {
		c.Spec = 0 // a move may set the spec on its way
	}
	var was []string
	for _, q := range slices.Backward(s.Asked) {
		if q.Ref != c.Ref || q.UID != c.UID || q.Class != class || q.Spec != c.Spec {
			continue
		}
		shown, covered := q.Effects[c.Effect]
		same := covered && shown == content
		switch {
		case q.Answer == "" && same:
			return q, false, false
		case q.Answer == "": // whoever has read it has not read this
			was = append(was, append(q.Was, q.ID)...)
		case q.Answer == Approved && same && !slices.Contains(q.Used, c.Effect):
			return q, false, false
		case q.Answer == Approved && !covered && q.widens(c.Effect):
			q.Effects[c.Effect] = content
			return q, false, true
		case q.Answer == Denied && same && q.Told == 0: // who is asked once more after that is asked anew
			q.Told = c.Revision
			return q, false, true
		case q.Answer == Denied && same && c.Revision <= q.Told:
			return q, false, false // the report of it has not come through yet
		}
	}
	s.Asked = slices.DeleteFunc(s.Asked, func(q *Question) bool {
		return q.Answer != "" && now.Sub(q.At) > keepAnswered || slices.Contains(was, q.ID)
	})
	q = &Question{ID: s.newID(c, class, was), Was: was[max(0, len(was)-keepWas):], Class: class, Ref: c.Ref, UID: c.UID, Spec: c.Spec,
		Since: now.UTC(), Effect: c.Effect, Args: c.Args, Effects: map[string]string{c.Effect: content}, Place: c.Place}
	s.Asked = append(s.Asked, q)
	return q, true, true
}

// keepWas is how many ids of what was asked before are kept with a question.
const keepWas = 20

// widens tells whether an approval covers an effect that was not shown: what is made for the same spec is seen with the first
// of it, and a tenant that leaves its cell is forgotten there. What removes, moves or wakes something else is asked about.
func (q *Question) widens(effect string) bool {
	_, leaves := q.Effects[ev.LeaveTenant{}.Effect()]
	return q.Class == Create || q.Class == Update || leaves && effect == ev.ForgetTenant{}.Effect()
}

// contentOf is what tells a piece of work from another one with the same effect. The steps of one move are one.
func contentOf(w ev.Work) string {
	if fixed[w.Effect] == Move {
		var of struct {
			Move string `json:"move"`
		}
		if err := json.Unmarshal(w.Args, &of); err == nil && of.Move != "" {
			return "move " + of.Move
		}
	}
	return w.Digest
}

// use notes that what was approved has been done: the same once more is asked about anew. It tells whether that is news. A move
// goes on after a step, and one approval is for all that an ended incarnation has left.
func (s *state) use(w ev.Work) (news bool) {
	if fixed[w.Effect] == Move || w.Effect == Swept {
		return false
	}
	for _, q := range s.Asked {
		if q.Ref == w.Ref && q.UID == w.UID && q.Answer == Approved && q.Effects[w.Effect] == contentOf(w) && !slices.Contains(q.Used, w.Effect) {
			q.Used = append(q.Used, w.Effect)
			news = true
		}
	}
	return news
}

// withdraw forgets what waits at a place for somebody who is owed nothing there any more, and tells whether there was something.
func (s *state) withdraw(place string, owed func(ev.Ref) bool) (some bool) {
	gone := func(q *Question) bool { return q.Answer == "" && q.Place == place && !owed(q.Ref) }
	some = slices.ContainsFunc(s.Asked, gone)
	s.Asked = slices.DeleteFunc(s.Asked, gone)
	for entity, w := range s.Waiting {
		if w.Place == place && !owed(w.Ref) {
			delete(s.Waiting, entity)
			some = true
		}
	}
	return some
}

// newID is short, and nobody else's, nor was it.
func (s *state) newID(c Change, class Class, was []string) string {
	for n := 0; ; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %s %d %d", incarnation(c.Work), class, c.Spec, c.Digest, c.Revision, n))
		id := hex.EncodeToString(sum[:4])
		if !slices.Contains(was, id) && !slices.ContainsFunc(s.Asked, func(q *Question) bool { return q.ID == id }) {
			return id
		}
	}
}

// answer takes an answer, unless the question has one.
func (s *state) answer(a Answer) bool {
	for _, q := range s.Asked {
		if q.ID == a.ID && q.Answer == "" {
			q.Answer, q.By, q.Because, q.At = a.Answer, a.By, a.Because, a.At
			return true
		}
	}
	return false
}

// hold notes what a change waits for, and tells whether that is new.
func (s *state) hold(c Change, class Class, why string, now time.Time) bool {
	was, waits := s.Waiting[c.Ref.String()]
	if waits && was.Why == why && was.Effect == c.Effect {
		return false
	}
	if s.Waiting == nil {
		s.Waiting = map[string]Waiting{}
	}
	s.Waiting[c.Ref.String()] = Waiting{c.Ref, c.Place, class, c.Effect, why, now.UTC()}
	return true
}

// release notes that an entity's change no longer waits, and tells whether it did.
func (s *state) release(ref ev.Ref) bool {
	_, waits := s.Waiting[ref.String()]
	delete(s.Waiting, ref.String())
	return waits
}

// done notes what was done, and tells whether that is new.
func (s *state) done(w ev.Work) bool {
	of := incarnation(w)
	if strings.HasPrefix(w.Effect, "remove_") || w.Effect == (ev.ForgetTenant{}).Effect() {
		_, known := s.Done[of]
		delete(s.Done, of)
		return known
	}
	if _, is := fixed[w.Effect]; is || s.Done[of][w.Effect] == w.Digest {
		return false
	}
	if s.Done == nil {
		s.Done = map[string]map[string]string{}
	}
	if s.Done[of] == nil {
		s.Done[of] = map[string]string{}
	}
	s.Done[of][w.Effect] = w.Digest
	return true
}

func stateFile(dir string) string { return filepath.Join(dir, "consent", "asked.json") }
func pauseFile(dir string) string { return filepath.Join(dir, "consent", "paused.json") }
func answerDir(dir string) string { return filepath.Join(dir, "consent", "answers") }
func logDir(dir string) string    { return filepath.Join(dir, "log") }

func makeDirs(dir string) error {
	return filestore.MakeDirsFor(dir, filepath.Dir(answerDir(dir)), answerDir(dir), logDir(dir))
}

// readFile reads a file of JSON; one that is not there is no error.
func readFile[T any](file string) (v *T, err error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		v = new(T)
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return v, nil
}

// writeFile writes a file of JSON in a data directory, for its owner: the agent, whoever writes.
func writeFile(dir, file string, v any) error {
	data, err := ev.Encode(v)
	if err != nil {
		return err
	}
	return filestore.WriteWholeFor(dir, file, data)
}

func readState(dir string) (state, error) {
	s, err := readFile[state](stateFile(dir))
	if s == nil {
		return state{}, err
	}
	return *s, err
}

func (s *state) write(dir string) error { return writeFile(dir, stateFile(dir), s) }

// Answer is what somebody has said to a question.
type Answer struct {
	ID      string    `json:"id"`
	Answer  string    `json:"answer"`
	By      string    `json:"by"`
	Because string    `json:"because,omitempty"`
	At      time.Time `json:"at"`
}

func answerFile(dir, id string) string { return filepath.Join(answerDir(dir), id+".json") }

// readAnswers reads what people have said. A file that says nothing keeps no other from being read: it is told of by the id of
// its question.
func readAnswers(dir string) (all []Answer, unreadable map[string]error) {
	files, _ := filepath.Glob(answerFile(dir, "*")) // the one error is of the pattern
	for _, f := range files {
		id := strings.TrimSuffix(filepath.Base(f), ".json")
		a, err := readFile[Answer](f)
		switch {
		case err == nil && a == nil: // taken up meanwhile
			continue
		case err == nil && (a.ID != id || a.Answer != Approved && a.Answer != Denied):
			err = fmt.Errorf("%s is no answer to question %s", f, id)
		}
		if err == nil {
			all = append(all, *a)
			continue
		}
		if unreadable == nil {
			unreadable = map[string]error{}
		}
		unreadable[id] = err
	}
	return all, unreadable
}

// setAside keeps a file that is no answer from being read again; another answer to its question may take its place.
func setAside(dir, id string) error {
	return os.Rename(answerFile(dir, id), filepath.Join(answerDir(dir), id+".unreadable"))
}

func forgetAnswers(dir string, all []Answer) (err error) {
	for _, a := range all {
		if one := os.Remove(answerFile(dir, a.ID)); !errors.Is(one, fs.ErrNotExist) {
			err = errors.Join(err, one)
		}
	}
	return err
}
