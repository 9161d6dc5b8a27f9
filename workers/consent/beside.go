package consent

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Pause is that an agent does nothing, because somebody said so.
type Pause struct {
	Since   time.Time `json:"since"`
	By      string    `json:"by"`
	Because string    `json:"because,omitempty"`
}

func readPause(dir string) (*Pause, error) { return readFile[Pause](pauseFile(dir)) }

// Pending is what waits for people beside an agent, or for a freeze of theirs to end.
type Pending struct {
	Paused  *Pause     `json:"paused,omitempty"`
	Items   []Question `json:"items"` // without an answer, the oldest first
	Waiting []Waiting  `json:"waiting"`
}

// ReadPending reads what waits in an agent's data directory, whether or not it runs.
func ReadPending(dir string) (p Pending, err error) {
	p = Pending{Items: []Question{}, Waiting: []Waiting{}}
	s, err := readState(dir)
	if err != nil {
		return p, err
	}
	if p.Paused, err = readPause(dir); err != nil {
		return p, err
	}
	answers, _ := readAnswers(dir) // what can't be read is no answer
	for _, q := range s.Asked {
		if q.Answer == "" && !slices.ContainsFunc(answers, func(a Answer) bool { return a.ID == q.ID }) {
			p.Items = append(p.Items, *q)
		}
	}
	for _, entity := range slices.Sorted(maps.Keys(s.Waiting)) {
		p.Waiting = append(p.Waiting, s.Waiting[entity])
	}
	return p, nil
}

// Say answers questions: all of them, or none. The agent takes the answers up within a second, or when it runs again.
func Say(dir string, ids []string, answer, by, why string) error {
	p, err := ReadPending(dir)
	if err != nil {
		return err
	}
	var faults []ev.FieldError
	for _, id := range ids {
		if !slices.ContainsFunc(p.Items, func(q Question) bool { return q.ID == id }) {
			why := fmt.Sprintf("nothing that waits for an answer has the id %q: aerie agent pending lists what does", ev.Truncate(id))
			if i := slices.IndexFunc(p.Items, func(q Question) bool { return slices.Contains(q.Was, id) }); i >= 0 {
				why = fmt.Sprintf("what %s asked has changed: it is %s now", id, p.Items[i].ID)
			}
			faults = append(faults, ev.FieldError{Field: "id", Message: why})
		}
	}
	if len(faults) > 0 {
		return ev.Refuse(ev.NotFound, "there is no such question").With(faults)
	}
	for _, id := range ids {
		a := Answer{ID: id, Answer: answer, By: by, Because: why, At: time.Now().UTC()}
		if err := writeFile(dir, answerFile(dir, id), a); err != nil {
			return fmt.Errorf("answer %s: %w", id, err)
		}
	}
	return nil
}

// SetPaused has an agent do nothing until it is told to go on. That it was paused before is no error.
func SetPaused(dir, by, why string) error {
	if p, err := readPause(dir); err != nil || p != nil {
		return err
	}
	if err := makeDirs(dir); err != nil {
		return err
	}
	return writeFile(dir, pauseFile(dir), Pause{Since: time.Now().UTC(), By: by, Because: why})
}

// Continue ends a pause.
func Continue(dir string) error {
	if err := os.Remove(pauseFile(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
