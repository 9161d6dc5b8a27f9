package consent

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	ev "github.com/aeriehq/aerie/events"
)

// Message is something that an agent sends: its name in the list, what it is for, and its type.
type Message struct {
	Name, Doc string
	Type      any
}

// Messages are all that an agent sends but for hellos of the connection.
var Messages = []Message{
	{"join", "once, to join: the public half of its key", ev.JoinQuestion{}},
	{ev.AskSeen, "once a minute: that it is there", ev.SeenQuestion{}},
	{ev.AskOwed, "what is owed at a place", ev.OwedQuestion{}},
	{ev.AskStands, "what should be there at a place", ev.StandsQuestion{}},
	{ev.AskEnded, "which marks that it has found are of ended incarnations; and, as found, which things carry marks that the log does not know", ev.EndedQuestion{}},
	{ev.AskSurveyed, "before a tenant moves, and somebody waits for it: what it uses of its quota, and the names of what is in the way", ev.Surveyed{}},
	{ev.AskChart, "to fetch one of the server's own charts: which chart, by its digest, and the byte from which a piece is wanted", ev.ChartQuestion{}},
	{"report", "what came of a piece of work, or what was seen", ev.ExecutorReport{}},
}

// Outcomes are the events that an agent reports, as `event` of a report.
var Outcomes = []ev.Event{
	ev.Verified{}, ev.NetworkReady{}, ev.ClusterReady{}, ev.SystemPoolReady{}, ev.CloudAddonsReady{}, ev.PoolsUpgraded{},
	ev.PoolsObserved{}, ev.PoolsRetired{}, ev.Activated{}, ev.Deployed{}, ev.Suspended{}, ev.Resumed{}, ev.MoveReserved{},
	ev.MovePrepared{}, ev.MoveEvicted{}, ev.MoveQuiesced{}, ev.MoveCopied{}, ev.MoveVerified{}, ev.MoveOpened{}, ev.MoveRedirected{},
	ev.MoveStopped{}, ev.MoveReopened{}, ev.CellPrepared{}, ev.TenantJoined{}, ev.TenantLeft{},
	ev.Drifted{}, ev.Deleted{}, ev.CreateStarted{}, ev.CreatesEnded{},
}

// listed is the list of what may leave, as it was generated and read. A field that the program has and the list has not stays.
//
//go:embed crosses.txt
var listed string

var allowed = func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(listed) {
		if path, _, _ := strings.Cut(strings.TrimSpace(line), " "); path != "" && !strings.HasPrefix(path, "#") {
			all[path] = true
		}
	}
	return all
}()

// Schema is the list as the types of the program have it: a path and a type on each line.
func Schema() (lines []string) {
	for _, m := range Messages {
		lines = append(lines, fieldsOf(m.Name, reflect.TypeOf(m.Type))...)
	}
	for _, e := range Outcomes {
		name := outcomePath(e.Type())
		lines = append(lines, name+" object")
		lines = append(lines, fieldsOf(name, reflect.TypeOf(e))...)
	}
	return lines
}

func outcomePath(event string) string { return "report.event(" + event + ")" }

// fieldsOf lists the fields of a type, with those of what is in it.
func fieldsOf(path string, t reflect.Type) (lines []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
	case t.Kind() == reflect.Map:
		lines = append(lines, path+".* "+kindOf(t.Elem()))
		lines = append(lines, fieldsOf(path+".*", t.Elem())...)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case !f.IsExported() || name == "-":
			case f.Anonymous && name == "":
				lines = append(lines, fieldsOf(path, f.Type)...)
			default:
				if name == "" {
					name = f.Name
				}
				lines = append(lines, path+"."+name+" "+kindOf(f.Type))
				lines = append(lines, fieldsOf(path+"."+name, f.Type)...)
			}
		}
	}
	return lines
}

// kindOf names a type for people.
func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t == reflect.TypeFor[json.RawMessage]():
		return "event"
	case t == reflect.TypeFor[time.Duration]():
		return "nanoseconds"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Slice:
		return "list of " + kindOf(t.Elem())
	case reflect.Map, reflect.Struct:
		return "object"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "yes or no"
	}
	return "number"
}

// texts are the fields whose words may come from elsewhere: secrets are taken out of them.
var texts = []string{"message", "changes", "resources", "kept", "by", "failed", "what", "how"}

// activity are the calls that were made: they leave only if the policy lets them.
const activity = "calls"

// Cross is what may leave of a message, and notes that it does. An error says that it may not leave at all.
func (g *Gate) Cross(name, subject string, data []byte) ([]byte, error) {
	if g == nil {
		return data, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a sequence is no fraction
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("send to %s: %w", subject, err)
	}
	if event, is := m["outcome"].(string); is && event != "" && !allowed[outcomePath(event)] {
		return nil, fmt.Errorf("send to %s: %s is not on the list of what may leave", subject, event)
	}
	var back []string
	g.keep(name, m, m["outcome"], &back)
	out, err := ev.Encode(m)
	if err != nil {
		return nil, fmt.Errorf("send to %s: %w", subject, err)
	}
	if len(back) > 0 {
		slices.Sort(back)
		g.log.add(Line{What: "kept back", Subject: subject, Message: strings.Join(slices.Compact(back), ", ")})
	}
	g.log.add(Line{What: "sent", Subject: subject, Sent: out})
	return out, nil
}

// keep takes out of an object what is not on the list.
func (g *Gate) keep(path string, m map[string]any, outcome any, back *[]string) {
	for name, v := range m {
		at := path + "." + name
		if allowed[path+".*"] {
			at = path + ".*"
		}
		if !allowed[at] {
			*back = append(*back, at)
			delete(m, name)
			continue
		}
		if strings.EqualFold(name, activity) && !g.policy.Activity {
			delete(m, name)
			continue
		}
		if at == "report.event" {
			at = outcomePath(fmt.Sprint(outcome))
		}
		m[name] = g.value(at, name, v, outcome, back)
	}
}

func (g *Gate) value(at, name string, v, outcome any, back *[]string) any {
	switch v := v.(type) {
	case map[string]any:
		g.keep(at, v, outcome, back)
	case []any:
		for i := range v {
			v[i] = g.value(at, name, v[i], outcome, back)
		}
	case string:
		if slices.Contains(texts, name) {
			return g.known.Hide(v)
		}
	}
	return v
}
