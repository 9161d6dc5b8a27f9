package events

// CommandKind stands in the subject of an event where the kind of its entity
// stands, for what became of a command that changed no entity. Nothing of this kind
// can be commanded or read; its id is the command's.
const CommandKind Kind = "command"

// CommandRefused says that a command that waited in the queue was refused: nobody was
// there to be told.
type CommandRefused struct {
	Kind   Kind     `json:"kind"` // of the entity that was commanded; its owner is the event's
	ID     string   `json:"id"`
	Verb   string   `json:"verb"`
	Reason *Refusal `json:"error"`
}

// Type names the event on the wire.
func (CommandRefused) Type() string { return "refused" }

// NoteRefusal asks to write down that a command was refused.
type NoteRefusal struct{ Refused CommandRefused }

// IsPayload marks a payload.
func (NoteRefusal) IsPayload() {}

// EventKindOf finds a kind whose events the log may hold, by its name in the singular
// or the plural.
func EventKindOf(s string) (Kind, bool) {
	if s == string(CommandKind) || s == CommandKind.Plural() {
		return CommandKind, true
	}
	return KindOf(s)
}
