package events

type (
	// ChangeHeld says that what was asked of an application has to wait, since its tenant does not run.
	ChangeHeld struct{}
	// ChangeReleased says that it goes on.
	ChangeReleased struct{}
)

// Type names the event on the wire.
func (ChangeHeld) Type() string { return "change_held" }

// Type names the event on the wire.
func (ChangeReleased) Type() string { return "change_released" }
