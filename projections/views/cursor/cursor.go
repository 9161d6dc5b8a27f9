// Package cursor is a place in a list, as clients carry it from one page to the next. It knows no lists: who makes one says
// where it stands, and who reads it checks that it is of his list. Begin with Cursor. Values are plain, so they may be used
// from any goroutine. A cursor lives at the client alone: it stays right when things are added or a server starts again,
// because it says where what it stands behind stood in the order. Whoever changes how it is written makes old ones
// broken, which is an error for the client and nothing worse.
package cursor

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/events"
)

// Cursor is a place in a list: behind an entity, or behind one of its events.
type Cursor struct {
	Ref   events.Ref
	Seq   uint64 // of an event, in a history and in lists by created or seq
	Order string // of a list of entities
	Phase string // in a list by phase
}

// String is what clients are given.
func (c Cursor) String() string {
	text := strings.Join([]string{string(c.Ref.Kind), c.Ref.Owner, c.Ref.ID, strconv.FormatUint(c.Seq, 10), c.Order, c.Phase}, " ")
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// Parse reads what String wrote, and nothing else.
func Parse(s string) (c Cursor, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return c, false
	}
	t := strings.Split(string(text), " ")
	if len(t) != 6 {
		return c, false
	}
	c = Cursor{Ref: events.Ref{Kind: events.Kind(t[0]), Owner: t[1], ID: t[2]}, Order: t[4], Phase: t[5]}
	c.Seq, err = strconv.ParseUint(t[3], 10, 64)
	return c, err == nil && len(c.Ref.Check()) == 0 && c.String() == s
}

// Broken is the fault of a cursor that is none, or of another list.
var Broken = events.FieldError{Field: "cursor", Message: "is not a cursor of this list: take next from its last answer, or leave it out"}
