package fsm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/looplab/fsm"

	ev "github.com/aeriehq/aerie/events"
)

// judge asks looplab/fsm about every event of the table in every phase, once,
// and keeps its verdicts: replaying a million events asks a map. No callbacks, no
// metadata, no long-lived machine: docs/decisions has why. One machine is put into
// each phase in turn, since every program pays for this at its start.
func (k *Kind[D]) judge() {
	k.verdicts = map[Phase]map[string]Phase{}
	m, types := fsm.NewFSM(string(Unborn), k.rows(), nil), k.eventTypes()
	for _, p := range k.Phases() {
		k.verdicts[p] = make(map[string]Phase, len(types))
		for _, e := range types {
			m.SetState(string(p))
			err := m.Event(context.Background(), e)
			if err == nil || errors.As(err, &fsm.NoTransitionError{}) {
				k.verdicts[p][e] = Phase(m.Current())
			}
		}
	}
}

// rows writes the table the way looplab/fsm reads it: a row that stays becomes
// one self-loop for each phase.
func (k *Kind[D]) rows() (rows fsm.Events) {
	for _, r := range k.Table {
		for _, p := range r.From {
			to := r.To
			if to == Stay {
				to = p
			}
			rows = append(rows, fsm.EventDesc{Name: r.On.Type(), Src: []string{string(p)}, Dst: string(to)})
		}
	}
	return rows
}

// Diagram draws the table as a Mermaid state diagram. Self-loops are left out:
// they say nothing about the way.
func (k *Kind[D]) Diagram() (string, error) {
	moves := slices.DeleteFunc(k.rows(), func(r fsm.EventDesc) bool { return r.Src[0] == r.Dst })
	s, err := fsm.VisualizeForMermaidWithGraphType(fsm.NewFSM(string(Unborn), moves, nil), fsm.StateDiagram)
	if err != nil {
		return "", fmt.Errorf("draw %s: %w", k.Name, err)
	}
	return s, nil
}

// Phases lists the kind's phases, in the order in which the table reaches them.
func (k *Kind[D]) Phases() []Phase {
	phases := []Phase{Unborn}
	for _, r := range k.Table {
		if r.To != Stay && !slices.Contains(phases, r.To) {
			phases = append(phases, r.To)
		}
	}
	return phases
}

func (k *Kind[D]) eventTypes() (types []string) {
	for _, e := range k.Vocabulary() {
		types = append(types, e.Type())
	}
	return types
}

// Vocabulary is every event the table mentions, each once: what may be stored of the kind.
func (k *Kind[D]) Vocabulary() (all []ev.Event) {
	seen := map[string]bool{}
	for _, r := range k.Table {
		if !seen[r.On.Type()] {
			seen[r.On.Type()] = true
			all = append(all, r.On)
		}
	}
	return all
}

// table returns a kind's own rows and those that all kinds have: labels may change
// in every phase of a life, a life can end from every phase, its name may then be
// used again, and where work is owed attempts may fail and be retried. going is
// empty for a kind that ends at once.
func table(working []Phase, going, end Phase, rows ...Row) []Row {
	var born []Phase
	for i, r := range rows {
		if slices.Contains(r.From, Unborn) {
			rows[i].From = append(slices.Clone(r.From), end)
		}
		if r.To != Stay && !slices.Contains(born, r.To) {
			born = append(born, r.To)
		}
	}
	last := born
	if going != "" {
		rows = append(rows, Row{ev.DeletionRequested{}, born, going}, Row{ev.Drained{}, []Phase{going}, Stay})
		last, working = []Phase{going}, append(slices.Clone(working), going)
		born = append(slices.Clone(born), going)
	}
	rows = append(rows, Row{ev.Deleted{}, last, end}, Row{ev.LabelsChanged{}, born, Stay})
	if len(working) > 0 {
		rows = append(rows, Row{ev.AttemptFailed{}, working, Stay}, Row{ev.CallsMade{}, working, Stay})
		rows = append(rows, Row{ev.RetryRequested{}, working, Stay})
	}
	return rows
}
