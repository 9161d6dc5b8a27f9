package eventlog

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-json-experiment/json/v1"
	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

// Vocabulary has a zero value of every event a kind can have. The log stores no
// other, and refuses to read on where it finds one.
type Vocabulary map[events.Kind][]events.Event

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
			if t.Kind() != reflect.Struct || !IsToken(e.Type()) {
				return c, fmt.Errorf("collect the vocabulary: %s.%s: %s is not a struct with a name for the wire", kind, e.Type(), t)
			}
			c.shapes[kind][e.Type()] = shapeOf(kind, e)
		}
	}
	return c, nil
}

// unescaped is how events are written: without the escapes of HTML and JavaScript, with which a legal body of 190 KB would
// be an event of more than a megabyte. Stored ones that have them are read as ever.
var unescaped = jsonv2.JoinOptions(json.DefaultOptionsV1(), jsontext.EscapeForHTML(false), jsontext.EscapeForJS(false))

// encode makes the message that appends an event, and the event as it will be read.
func (c codec) encode(r events.Recorded) (*nats.Msg, events.Event, error) {
	typ := r.Event.Type()
	shape := c.shapes[r.Ref.Kind][typ]
	if shape.typ != reflect.TypeOf(r.Event) {
		return nil, nil, fmt.Errorf("%s.%s of type %T is in no table", r.Ref.Kind, typ, r.Event)
	}
	data, err := jsonv2.Marshal(r.Event, unescaped)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s.%s: %w", r.Ref.Kind, typ, err)
	}
	read, _, err := shape.body(shape.name, data)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s.%s: %w", r.Ref.Kind, typ, err)
	}
	h := write(r)
	tail := r.Ref.Tokens() + "." + typ
	h.seal(committed+tail, data)
	m := &nats.Msg{Subject: appended + tail, Data: data}
	if m.Header, err = h.headers(); err != nil {
		return nil, nil, err
	}
	return m, read, nil
}

// decode reads a stored message; its error says what is wrong with it, and the
// caller says where it stands.
func (c codec) decode(subject string, seq uint64, read *head, data []byte) (events.Recorded, error) {
	ref, typ, err := splitSubject(subject)
	if err != nil {
		return events.Recorded{}, err
	}
	if !read.whole(subject, data) {
		return events.Recorded{}, errors.New("its checksum does not fit: the store is damaged, restore a backup")
	}
	env, err := read.envelope()
	if err != nil {
		return events.Recorded{}, err
	}
	name := read[headType]
	e, known, err := c.shapes[ref.Kind][typ].body(name, data)
	if !known {
		return events.Recorded{}, fmt.Errorf("no event is called %s: this program is older than its log, start a newer one", events.Truncate(name))
	}
	if err != nil {
		return events.Recorded{}, fmt.Errorf("decode %s.%s: %w", ref.Kind, typ, err)
	}
	return events.Recorded{Envelope: env, Ref: ref, Seq: seq, Event: e, State: events.State{UID: read[headUID], Phase: read[headPhase]}}, nil
}
