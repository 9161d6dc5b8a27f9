package emulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/script"
)

// ManualChange is what somebody does by hand: past the cloud's interfaces and rules, or to its clock. It is done at once to all
// that matches. What the cloud's own interface can do to a thing is done with that, by another principal.
type ManualChange struct {
	Delete  string   `json:"delete"`  // a kind, such as cluster: its things go at once, and what goes with them
	Change  string   `json:"change"`  // or one whose things are changed
	Match   string   `json:"match"`   // part of its name, parent, account, region or a tag's value
	Set     Doc      `json:"set"`     // a merge patch of what the cloud says of a changed thing
	Advance Duration `json:"advance"` // or how far the clock goes
}

func (h ManualChange) validate(kinds []string) error {
	acts := 0
	for _, set := range []bool{h.Delete != "", h.Change != "", h.Advance.Duration > 0} {
		if set {
			acts++
		}
	}
	if acts != 1 || (h.Change != "") != (h.Set != nil) {
		return fmt.Errorf("by hand: one of delete, change with set, and advance")
	}
	if kind := h.Delete + h.Change; kind != "" && !slices.Contains(kinds, kind) {
		return fmt.Errorf("by hand: there is no kind %q; there are %s", kind, strings.Join(kinds, ", "))
	}
	return nil
}

func (h ManualChange) hits(t *Resource) bool {
	names := []string{t.Name, t.Parent, t.Account, t.Region}
	for _, v := range t.Tags {
		names = append(names, v)
	}
	for _, n := range names {
		if strings.Contains(n, h.Match) {
			return true
		}
	}
	return false
}

// ByHand does something by hand and says to how many things.
func (w *World) ByHand(h ManualChange) (n int, err error) {
	if err := h.validate(w.options.Kinds); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.byHand(h)
}

func (w *World) byHand(h ManualChange) (n int, err error) {
	err = w.do(Record{Service: "hand", Op: h.op(), Name: h.Match, Caller: "by hand"}, func(c *Call) Outcome {
		c.moved = h.Advance.Duration
		for _, t := range sorted(w.state.things) {
			if t = w.state.things[t.N]; t == nil || t.Kind != h.Delete+h.Change || t.Gone || !h.hits(t) {
				continue
			}
			n++
			if h.Delete != "" {
				c.Drop(t)
			} else {
				Merge(c.Edit(t).Doc, Copy(h.Set))
			}
		}
		return Outcome{Status: 200}
	})
	return n, err
}

func (h ManualChange) op() string {
	switch {
	case h.Delete != "":
		return "delete " + h.Delete
	case h.Change != "":
		return "change " + h.Change
	}
	return "advance " + h.Advance.String()
}

// handsFile is what people write to have something done by hand. It is done once, at the cloud's next call, and the file
// is renamed. A kill in between does it again, which comes to the same but for an advance.
const handsFile = "by-hand.json"

func (w *World) readHands(data []byte) error {
	if data == nil {
		return nil
	}
	var hands []ManualChange
	if err := script.Strict(data, &hands); err != nil {
		return err
	}
	for _, h := range hands {
		if err := h.validate(w.options.Kinds); err != nil {
			return err
		}
	}
	for _, h := range hands {
		n, err := w.byHand(h)
		if err != nil {
			return err
		}
		w.options.Logger.Info("done by hand", "what", h.op(), "match", h.Match, "things", n)
	}
	return w.scripts.Done(handsFile)
}
