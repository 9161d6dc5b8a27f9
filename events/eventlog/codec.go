package eventlog

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

// Vocabulary has a zero value of every event a kind can have. The log stores no
// other, and refuses to read on where it finds one.
type Vocabulary map[events.Kind][]events.Event

// Source is the CloudEvents source of every event.
const Source = "/aerie"

// The headers of an event: CloudEvents 1.0, binary mode, and our extensions.
const (
	headSpec        = "ce-specversion"
	headID          = "ce-id"
	headSource      = "ce-source"
	headType        = "ce-type"
	headSubject     = "ce-subject"
	headTime        = "ce-time"
	headActor       = "ce-actor"
	headCommand     = "ce-commandid"
	headCausation   = "ce-causationid"
	headCorrelation = "ce-correlationid"
	headDigest      = "ce-commanddigest"
	headPart        = "ce-part"
	headContent     = "content-type"
	headTrace       = "traceparent"
	headSum         = "ce-crc"
)

// summed are the headers the checksum covers, in its order.
var summed = []string{
	headSpec, headID, headSource, headType, headSubject, headTime, headActor, headCommand,
	headCausation, headCorrelation, headDigest, headPart, headContent, headTrace,
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// codec writes and reads the events of a vocabulary.
type codec struct {
	shapes map[events.Kind]map[string]shape // by event type
}

// shape is how an event is written now, and how it was before.
type shape struct {
	typ   reflect.Type
	name  string         // its CloudEvents type
	older map[string]int // the CloudEvents types of older versions -> the first step
	steps []events.Upcast
}

func shapeOf(k events.Kind, e events.Event) shape {
	s := shape{typ: reflect.TypeOf(e), name: events.CEType(k, e), older: map[string]int{}}
	if v, ok := e.(events.Versioned); ok {
		s.steps = v.Older()
	}
	stem := strings.TrimSuffix(s.name, strconv.Itoa(len(s.steps)+1))
	for i := range s.steps {
		s.older[stem+strconv.Itoa(i+1)] = i
	}
	return s
}

// body reads an event's body, of whatever version it is. known is false for one of
// a version that there is not, or not yet.
func (s shape) body(name string, data []byte) (e events.Event, known bool, err error) {
	if name != s.name || s.typ == nil {
		first, older := s.older[name]
		if !older {
			return nil, false, nil
		}
		for _, step := range s.steps[first:] {
			if data, err = step(data); err != nil {
				return nil, true, err
			}
		}
	}
	v := reflect.New(s.typ)
	if string(data) == "{}" {
		e, _ = v.Elem().Interface().(events.Event)
		return e, true, nil
	}
	err = json.Unmarshal(data, v.Interface())
	e, _ = v.Elem().Interface().(events.Event)
	return e, true, err
}

func newCodec(v Vocabulary) (codec, error) {
	c := codec{map[events.Kind]map[string]shape{}}
	for kind, all := range v {
		c.shapes[kind] = map[string]shape{}
		for _, e := range all {
			t := reflect.TypeOf(e)
			if old, twice := c.shapes[kind][e.Type()]; twice && old.typ != t {
				return c, fmt.Errorf("collect the vocabulary: %s.%s is both %s and %s", kind, e.Type(), old.typ, t)
			}
			if t.Kind() != reflect.Struct || !isToken(e.Type()) {
				return c, fmt.Errorf("collect the vocabulary: %s.%s: %s is not a struct with a name for the wire", kind, e.Type(), t)
			}
			c.shapes[kind][e.Type()] = shapeOf(kind, e)
		}
	}
	return c, nil
}

// encode makes the message that appends an event, and the event as it will be read.
func (c codec) encode(r events.Recorded) (*nats.Msg, events.Event, error) {
	typ := r.Event.Type()
	shape := c.shapes[r.Ref.Kind][typ]
	if shape.typ != reflect.TypeOf(r.Event) {
		return nil, nil, fmt.Errorf("%s.%s of type %T is in no table", r.Ref.Kind, typ, r.Event)
	}
	data, err := json.Marshal(r.Event)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s.%s: %w", r.Ref.Kind, typ, err)
	}
	read, _, err := shape.body(shape.name, data)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s.%s: %w", r.Ref.Kind, typ, err)
	}
	tail := r.Ref.Tokens() + "." + typ
	m := &nats.Msg{Subject: appended + tail, Header: headers(r), Data: data}
	for _, name := range summed {
		if v := m.Header[name]; len(v) == 1 && strings.ContainsAny(v[0], "\r\n") || len(v) == 1 && strings.TrimSpace(v[0]) != v[0] {
			return nil, nil, fmt.Errorf("header %s: %q cannot be carried", name, events.Clip(v[0]))
		}
	}
	m.Header[headSum] = []string{checksum(committed+tail, m.Header, data)}
	return m, read, nil
}

func headers(r events.Recorded) nats.Header {
	h := nats.Header{
		headSpec:        {"1.0"},
		headID:          {r.EventID},
		headSource:      {Source},
		headType:        {events.CEType(r.Ref.Kind, r.Event)},
		headSubject:     {r.Ref.String()},
		headTime:        {r.Time.UTC().Format(time.RFC3339Nano)},
		headActor:       {r.Actor},
		headCommand:     {r.CommandID},
		headCausation:   {r.CausationID},
		headCorrelation: {r.CorrelationID},
		headDigest:      {r.Digest},
		headPart:        {strconv.Itoa(r.Index) + "/" + strconv.Itoa(r.Count)},
		headContent:     {"application/json"},
	}
	if r.TraceParent != "" {
		h[headTrace] = []string{r.TraceParent}
	}
	return h
}

// checksum covers what an event means: where it stands, who and why, and its
// body. Each part is preceded by its length, so that no two messages sum alike
// by moving a byte from one part to the next.
func checksum(subject string, h nats.Header, data []byte) string {
	buf := make([]byte, 0, 1024)
	add := func(s string) {
		buf = strconv.AppendInt(buf, int64(len(s)), 10)
		buf = append(buf, ':')
		buf = append(buf, s...)
	}
	add(subject)
	for _, name := range summed {
		add(h.Get(name))
	}
	sum := crc32.Update(crc32.Checksum(buf, castagnoli), castagnoli, data)
	return hex.EncodeToString(binary.BigEndian.AppendUint32(buf[:0], sum))
}

// decode reads a stored message; its error says what is wrong with it, and the
// caller says where it stands.
func (c codec) decode(subject string, seq uint64, h nats.Header, data []byte) (events.Recorded, error) {
	ref, typ, err := splitSubject(subject)
	if err != nil {
		return events.Recorded{}, err
	}
	if h.Get(headSum) != checksum(subject, h, data) {
		return events.Recorded{}, errors.New("its checksum does not fit: the store is damaged, restore a backup")
	}
	env, err := envelope(h)
	if err != nil {
		return events.Recorded{}, err
	}
	name := h.Get(headType)
	e, known, err := c.shapes[ref.Kind][typ].body(name, data)
	if !known {
		return events.Recorded{}, fmt.Errorf("no event is called %s: this program is older than its log, start a newer one", events.Clip(name))
	}
	if err != nil {
		return events.Recorded{}, fmt.Errorf("decode %s.%s: %w", ref.Kind, typ, err)
	}
	return events.Recorded{Envelope: env, Ref: ref, Seq: seq, Event: e}, nil
}

func envelope(h nats.Header) (events.Envelope, error) {
	at, err := time.Parse(time.RFC3339Nano, h.Get(headTime))
	if err != nil {
		return events.Envelope{}, fmt.Errorf("read %s: %w", headTime, err)
	}
	e := events.Envelope{
		EventID: h.Get(headID), Time: at.UTC(), Actor: h.Get(headActor), CommandID: h.Get(headCommand),
		CausationID: h.Get(headCausation), CorrelationID: h.Get(headCorrelation), Digest: h.Get(headDigest),
		TraceParent: h.Get(headTrace),
	}
	index, count, _ := strings.Cut(h.Get(headPart), "/")
	e.Index, err = strconv.Atoi(index)
	if err == nil {
		e.Count, err = strconv.Atoi(count)
	}
	if err != nil || e.Index < 1 || e.Index > e.Count || e.Count > MaxEvents {
		return e, fmt.Errorf("read %s: %q is not a place in a decision", headPart, events.Clip(h.Get(headPart)))
	}
	return e, nil
}
