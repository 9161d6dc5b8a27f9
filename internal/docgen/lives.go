package docgen

import (
	"fmt"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Lives draws the life of every kind, and says what bounds its phases.
func Lives() (string, error) {
	p := &page{}
	p.para("# How each kind lives")
	p.para(generated)
	p.para("Each diagram is drawn from the table in `fsm` that decides which event may follow where. It leaves out events that do not change the phase: changed labels, failed attempts that are tried again, observations. The table below it says how long a phase may last before it fails, how many counted attempts it has, and what the world owes the entity meanwhile.")
	for _, k := range ev.Kinds {
		if err := p.life(k); err != nil {
			return "", err
		}
	}
	return strings.TrimSpace(p.String()) + "\n", nil
}

func (p *page) life(k ev.Kind) error {
	drawn, err := Diagram(k)
	if err != nil {
		return err
	}
	p.para("## %s", k)
	p.para("%s", drawn)
	p.table("phase", "how long it may last", "attempts", "what is owed")
	m := fsm.Machines[k]
	for _, phase := range m.Phases()[1:] {
		rule := m.Limits(phase)
		p.row(string(phase), span(rule.Within), attempts(rule.Attempts), owed(k, phase))
	}
	p.end()
	return nil
}

// Diagram is the life of a kind as a Mermaid block.
func Diagram(k ev.Kind) (string, error) {
	drawn, err := fsm.Machines[k].Diagram()
	if err != nil {
		return "", fmt.Errorf("draw the life of a %s: %w", k, err)
	}
	return "```mermaid\n" + strings.TrimSpace(drawn) + "\n```", nil
}

func span(d time.Duration) string {
	switch {
	case d == 0:
		return "no limit"
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

func attempts(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// owed is what the table says of a phase: who does what.
func owed(k ev.Kind, phase fsm.Phase) string {
	if fsm.Machines[k].AtRest(phase) {
		return "nothing"
	}
	if fsm.Machines[k].Ended(phase) {
		return "nothing: it has ended, and its name may be used again"
	}
	if work, ok := works[k][phase]; ok {
		return work
	}
	if k == ev.Dataplane {
		return "waits, if rights or what the cloud offers was the cause, until that is there; else nothing, until `retry` or another spec"
	}
	if fsm.Machines[k].TriedAgain() {
		return "waits, if what it stands on was the cause, until that is back; else nothing, until `retry` or another spec"
	}
	return "nothing, until `retry` or another spec"
}
