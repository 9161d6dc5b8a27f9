package eventlog

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// Source is the CloudEvents source of every event.
const Source = "/aerie"

// The headers of an event. The checksum covers all that come before it, in this order.
// What comes after it the programs of older releases neither write nor look at.
const (
	headSpec = iota
	headID
	headSource
	headType
	headSubject
	headTime
	headActor
	headCommand
	headCausation
	headCorrelation
	headDigest
	headPart
	headContent
	headTrace
	headSum
	headUID
	headPhase
	headStateSum
	heads
)

// headNames are their names: CloudEvents 1.0, binary mode, and our extensions.
var headNames = [heads]string{
	headSpec: "ce-specversion", headID: "ce-id", headSource: "ce-source", headType: "ce-type", headSubject: "ce-subject",
	headTime: "ce-time", headActor: "ce-actor", headCommand: "ce-commandid", headCausation: "ce-causationid",
	headCorrelation: "ce-correlationid", headDigest: "ce-commanddigest", headPart: "ce-part", headContent: "content-type",
	headTrace: "traceparent", headSum: "ce-crc", headUID: "ce-uid", headPhase: "ce-phase", headStateSum: "ce-statecrc",
}

// headPlaces is where each name stands in them.
var headPlaces = places(headNames[:])

func places(names []string) map[string]int {
	all := map[string]int{}
	for i, name := range names {
		all[name] = i
	}
	return all
}

// head is what the headers say.
type head [heads]string

// headOf fetches each header once: a fold of a long log fetches little else.
func headOf(h nats.Header) *head {
	var read head
	for i, name := range headNames {
		if v := h[name]; len(v) > 0 {
			read[i] = v[0]
		}
	}
	return &read
}

// write makes the head of an event.
func write(r events.Recorded) *head {
	return &head{
		headSpec:        "1.0",
		headID:          r.EventID,
		headSource:      Source,
		headType:        events.CEType(r.Ref.Kind, r.Event),
		headSubject:     r.Ref.String(),
		headTime:        r.Time.UTC().Format(time.RFC3339Nano),
		headActor:       r.Actor,
		headCommand:     r.CommandID,
		headCausation:   r.CausationID,
		headCorrelation: r.CorrelationID,
		headDigest:      r.Digest,
		headPart:        strconv.Itoa(r.Index) + "/" + strconv.Itoa(r.Count),
		headContent:     "application/json",
		headTrace:       r.TraceParent,
		headUID:         r.State.UID,
		headPhase:       r.State.Phase,
	}
}

// isMachinery tells the actors that nobody who authenticates can be, in logs of all releases.
func isMachinery(actor string) bool {
	return actor == events.ActorAerie || actor == events.ActorExecutor
}

// mayLack tells whether an event may lack a header: then it is not written empty.
func mayLack(i int) bool { return i == headTrace || i > headSum }

// readHead reads headers as they are stored. It finds what headOf finds in them once
// nats.go has read them, in a third of the time.
func readHead(headers []byte) *head {
	var read head
	var seen [heads]bool
	_, lines, _ := strings.Cut(string(headers), "\r\n") // behind NATS/1.0
	for {
		var line string
		if line, lines, _ = strings.Cut(lines, "\r\n"); line == "" {
			return &read
		}
		name, value, _ := strings.Cut(line, ":")
		if i, ours := headPlaces[name]; ours && !seen[i] {
			read[i], seen[i] = strings.TrimLeft(value, " \t"), true
		}
	}
}

// headers are those of a message, or say which one no message can carry.
func (h *head) headers() (nats.Header, error) {
	all := make(nats.Header, heads)
	values := *h
	for i, v := range values {
		if strings.ContainsAny(v, "\r\n") || strings.TrimSpace(v) != v {
			return nil, fmt.Errorf("header %s: %q cannot be carried", headNames[i], events.Truncate(v))
		}
		if v != "" || !mayLack(i) {
			all[headNames[i]] = values[i : i+1 : i+1]
		}
	}
	return all, nil
}

// sheets are what checksums are made on.
var sheets = sync.Pool{New: func() any { return new([]byte) }}

// checksum covers what an event means: where it stands, who and why, and its
// body. Each part is preceded by its length, so that no two messages sum alike
// by moving a byte from one part to the next.
func (h *head) checksum(subject string, data []byte) string {
	sheet, _ := sheets.Get().(*[]byte)
	defer sheets.Put(sheet)
	buf := appendPart((*sheet)[:0], subject)
	for _, v := range h[:headSum] {
		buf = appendPart(buf, v)
	}
	sum := crc32.Update(crc32.Checksum(buf, filestore.Castagnoli), filestore.Castagnoli, data)
	*sheet = buf
	return hex.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// seal makes the checksums of an event.
func (h *head) seal(subject string, data []byte) {
	h[headSum] = h.checksum(subject, data)
	if h[headUID] == "" {
		h[headPhase] = ""
		return
	}
	h[headStateSum] = h.stateChecksum()
}

// stateChecksum covers what the entity became, and which event that is said of.
func (h *head) stateChecksum() string {
	buf := make([]byte, 0, 64)
	for _, v := range []string{h[headSum], h[headUID], h[headPhase]} {
		buf = appendPart(buf, v)
	}
	return hex.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(buf, filestore.Castagnoli)))
}

// whole tells whether both checksums fit. The second is absent in older events.
func (h *head) whole(subject string, data []byte) bool {
	if h[headSum] != h.checksum(subject, data) {
		return false
	}
	return h[headUID]+h[headPhase]+h[headStateSum] == "" || h[headStateSum] == h.stateChecksum()
}

func appendPart(buf []byte, s string) []byte {
	buf = strconv.AppendInt(buf, int64(len(s)), 10)
	buf = append(buf, ':')
	return append(buf, s...)
}

// envelope reads who, when and why.
func (h *head) envelope() (events.Envelope, error) {
	at, err := time.Parse(time.RFC3339Nano, h[headTime])
	if err != nil {
		return events.Envelope{}, fmt.Errorf("read %s: %w", headNames[headTime], err)
	}
	e := events.Envelope{
		EventID: h[headID], Time: at.UTC(), Actor: h[headActor], CommandID: h[headCommand],
		CausationID: h[headCausation], CorrelationID: h[headCorrelation], Digest: h[headDigest],
		TraceParent: h[headTrace], Internal: isMachinery(h[headActor]),
	}
	index, count, _ := strings.Cut(h[headPart], "/")
	e.Index, err = strconv.Atoi(index)
	if err == nil {
		e.Count, err = strconv.Atoi(count)
	}
	if err != nil || e.Index < 1 || e.Index > e.Count || e.Count > MaxEvents {
		return e, fmt.Errorf("read %s: %q is not a place in a decision", headNames[headPart], events.Truncate(h[headPart]))
	}
	return e, nil
}
