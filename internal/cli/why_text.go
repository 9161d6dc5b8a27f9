package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
)

// text tells the chain to people, from the first command to the present.
func (c chain) text() []byte {
	var b bytes.Buffer
	ref := events.Ref{Kind: c.Kind, Owner: c.Owner, ID: c.ID}
	fmt.Fprintf(&b, "%s, uid %s\n", client.Plain(ref.String()), client.Plain(c.UID))
	for _, l := range c.Commands {
		b.WriteByte('\n')
		l.write(&b, ref.String())
	}
	b.WriteByte('\n')
	c.writePresent(&b)
	return b.Bytes()
}

func (l link) write(b *bytes.Buffer, entity string) {
	fmt.Fprintf(b, "%s by %s at %s\n", l.title(), client.Plain(l.Actor), stamp(l.Time))
	fmt.Fprintf(b, "  command %s%s\n", client.Plain(l.CommandID), l.story())
	if from := l.from(entity); from != "" {
		fmt.Fprintf(b, "  %s\n", client.Plain(from))
	}
	for _, s := range l.Events {
		s.write(b)
	}
}

// title says what was asked, or what the machinery did.
func (l link) title() string {
	switch l.Verb {
	case verbSettle:
		return "settle, having waited for " + client.Plain(strings.Join(l.Awaited, ", ")) + ","
	case verbReport:
		return fmt.Sprintf("report on %s, attempt %d,", client.Plain(fsm.WorkInWords(l.Effect)), l.Attempt)
	case verbExpire:
		return "deadline of " + client.Plain(fsm.WorkInWords(l.Effect)) + " passed,"
	case verbAlong:
		return "changed by a command on another entity,"
	}
	return client.Plain(l.Verb)
}

// story names the command a person gave, where this is not it.
func (l link) story() string {
	if l.CorrelationID == l.CommandID || l.CorrelationID == "" {
		return ""
	}
	return ", on behalf of command " + client.Plain(l.CorrelationID)
}

// from says what brought the command about, unless it was a person: an event of
// the entity itself, or of another one.
func (l link) from(entity string) string {
	switch {
	case l.CausationID == l.CommandID:
		return ""
	case l.Cause == nil:
		return fmt.Sprintf("because of event %s of another entity", l.CausationID)
	case l.Cause.Entity == entity:
		return fmt.Sprintf("after %d %s", l.Cause.Seq, l.Cause.Type)
	}
	return fmt.Sprintf("because of another entity: %s, %d %s, event %s", l.Cause.Entity, l.Cause.Seq, l.Cause.Type, l.CausationID)
}

// write writes one event, and below it each call it tells of.
func (s outcome) write(b *bytes.Buffer) {
	line := fmt.Sprintf("  %-7d %-22s -> %-14s %s", s.Seq, client.Plain(s.Type), client.Plain(s.Phase), client.Plain(s.what))
	fmt.Fprintln(b, strings.TrimRight(line, " "))
	for _, c := range s.Calls {
		fmt.Fprintf(b, "      call %s\n", client.Plain(called(c)))
	}
	if !s.NextAt.IsZero() {
		fmt.Fprintf(b, "      next attempt at %s\n", stamp(s.NextAt))
	}
}

func called(c events.Call) string {
	text := fmt.Sprintf("%s at %s took %d ms: %s", c.API, stamp(c.At), c.TookMS, c.Code)
	if c.RequestID != "" {
		text += ", request " + c.RequestID
	}
	if len(c.Changes) > 0 {
		text += ", which changed " + strings.Join(c.Changes, ", ")
	}
	return text
}

// writePresent ends the chain with how it is now, and the one reason for it.
func (c chain) writePresent(b *bytes.Buffer) {
	if c.AtRest {
		fmt.Fprintf(b, "at rest: %s\n", client.Plain(c.Phase))
		return
	}
	r := c.Reason
	fmt.Fprintf(b, "now: %s\n", client.Plain(c.Phase))
	fmt.Fprintf(b, "reason: %s: %s\n", client.Plain(string(r.Code)), client.Plain(r.Message))
	if !r.Since.IsZero() {
		fmt.Fprintf(b, "since: %s\n", stamp(r.Since))
	}
	fmt.Fprintf(b, "fault: %s\n", client.Plain(cmp.Or(string(r.Fault), "unknown")))
	switch {
	case !r.Retried:
		ref := events.Ref{Kind: c.Kind, Owner: c.Owner, ID: c.ID}
		fmt.Fprintf(b, "retried: no, not before an update, or: aerie %s retry %s\n", c.Kind, client.Plain(ref.Path()))
	case r.Code == events.InProgress:
		fmt.Fprintln(b, "goes on: by itself")
	case r.NextAt.IsZero() && len(c.waits) > 0:
		fmt.Fprintln(b, "goes on: when that is there")
	case r.NextAt.IsZero():
		fmt.Fprintln(b, "retried: yes, just now")
	default:
		fmt.Fprintf(b, "retried: yes, at %s\n", stamp(r.NextAt))
	}
}

// stamp is a time to the millisecond: several things happen in one second.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
