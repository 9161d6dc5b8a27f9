package views

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/events"
)

// cursor is a place in a list: behind an entity, or behind one of its events. It
// stays right when things are added, because it says where what it stands behind
// stood in the order.
type cursor struct {
	ref   events.Ref
	seq   uint64 // of an event, in a history and in lists by created or seq
	order string // of a list of entities
	phase string // in a list by phase
}

func (c cursor) String() string {
	text := strings.Join([]string{string(c.ref.Kind), c.ref.Owner, c.ref.ID, strconv.FormatUint(c.seq, 10), c.order, c.phase}, " ")
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// parseCursor reads what String wrote, and nothing else.
func parseCursor(s string) (c cursor, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return c, false
	}
	t := strings.Split(string(text), " ")
	if len(t) != 6 {
		return c, false
	}
	c = cursor{ref: events.Ref{Kind: events.Kind(t[0]), Owner: t[1], ID: t[2]}, order: t[4], phase: t[5]}
	c.seq, err = strconv.ParseUint(t[3], 10, 64)
	return c, err == nil && len(c.ref.Check()) == 0 && c.String() == s
}

// standing is where a list goes on behind the cursor.
func (c cursor) standing() *standing { return &standing{name: c.ref, phase: c.phase, seq: c.seq} }

// brokenCursor is the fault of a cursor that is none, or of another list.
var brokenCursor = events.FieldError{Field: "cursor", Message: "is not a cursor of this list: take next from its last answer, or leave it out"}
