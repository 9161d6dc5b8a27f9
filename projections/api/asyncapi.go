package api

import (
	"maps"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/aeriehq/aerie/events"
)

// object is a part of a document.
type object = map[string]any

// asyncDocument is an AsyncAPI 3.0 document under way: it says what travels over NATS.
type asyncDocument struct {
	Asked, Told huma.Registry // schemas of what aerie is sent, where little has to be there, and of what it sends
	Channels    object
	operations  object
	Messages    object
}

// describeNATS makes the document of some kinds and their events, from the types that decode and encode all that.
func describeNATS(kinds *events.Registry, vocabulary map[events.Kind][]events.Event) *asyncDocument {
	told := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return "told." + schemaName(t, hint)
	})
	asked := humago.New(http.NewServeMux(), apiConfig("")).OpenAPI().Components.Schemas
	d := &asyncDocument{asked, told, object{}, object{}, object{}}
	d.answers()
	for _, kind := range kinds.All() {
		d.commands(kind)
		d.events(kind.Kind, vocabulary[kind.Kind])
	}
	d.events(events.CommandKind, vocabulary[events.CommandKind])
	emptyIsAbsent(asked)
	mayBeEmpty(told, func(*huma.Schema, string) bool { return true }) // what was not given is there, and empty
	return d
}

// Of is the whole document of a version of the program.
func (d *asyncDocument) Of(version string) object {
	schemas := object{askedHeaders: headersOf(events.CommandHeaders), toldHeaders: headersOf(events.EventHeaders)}
	for _, r := range []huma.Registry{d.Asked, d.Told} {
		for name, s := range r.Map() {
			schemas[name] = s
		}
	}
	return object{
		"asyncapi": "3.0.0",
		"info": object{"title": "aerie", "version": version, "description": "Commands are requests, answered once their events are on disk. Every event is sent out when it is committed. " +
			"The stream AERIE_EVENTS keeps all events, for consumers that begin at any moment; AERIE_QUEUE keeps commands that may wait."},
		"defaultContentType": "application/json",
		"servers": object{"nats": object{"host": "{host}", "protocol": "nats", "security": []any{reference("components/securitySchemes/token")},
			"variables": object{"host": object{"default": "127.0.0.1:4222", "description": "Where the server listens, its flag --nats"}}}},
		"channels":   d.Channels,
		"operations": d.operations,
		"components": object{"messages": d.Messages, "schemas": schemas, "securitySchemes": object{
			"token": object{"type": "apiKey", "in": "password", "description": "The token in <data-dir>/token, given as the connection's token"}}},
	}
}

func reference(path string) object { return object{"$ref": "#/" + path} }

// channel adds a channel with the messages that travel there.
func (d *asyncDocument) channel(name string, address any, description string, parameters object, messages []string) {
	all := object{}
	for _, m := range messages {
		all[m] = reference("components/messages/" + m)
	}
	d.Channels[name] = object{"address": address, "description": description, "parameters": parameters, "messages": all}
}

// message adds a message, with the headers of some name if it has any.
func (d *asyncDocument) message(name, title, headers string, payload *huma.Schema) string {
	m := object{"name": name, "title": title, "payload": payload}
	if headers != "" {
		m["headers"] = reference("components/schemas/" + headers)
	}
	d.Messages[name] = m
	return name
}

// The names of headers.
const (
	askedHeaders = "asked.Headers"
	toldHeaders  = "told.Headers"
)

func headersOf(all []events.Header) object {
	said := object{}
	for _, h := range all {
		said[h.Name] = object{"type": "string", "description": h.Doc}
	}
	return object{"type": "object", "properties": said}
}

// answers are what a request is answered with.
func (d *asyncDocument) answers() {
	refusal := &huma.Schema{Type: huma.TypeObject, Required: []string{"error"}, Properties: map[string]*huma.Schema{"error": d.Told.Schema(reflect.TypeFor[events.Refusal](), true, "")}}
	d.channel("answers", nil, "The reply subject of a request", object{}, []string{
		d.message("answer", "what a command did; no events if nothing new did", "", d.Told.Schema(reflect.TypeFor[events.Answer](), true, "")),
		d.message("refusal", "why it did nothing", "", refusal)})
}

// commands are those of a kind, given at once or to the queue.
func (d *asyncDocument) commands(kind events.Descriptor) {
	var all []string
	k := kind.Kind
	for _, verb := range kind.Verbs {
		all = append(all, d.message(string(k)+"."+verb.Name, verb.Name+" of "+kind.A(), askedHeaders, bodyOf(d.Asked, kind, verb)))
	}
	last := object{"verb": object{"enum": kind.VerbNames()}}
	now, queue := "commands."+string(k), "queue."+string(k)
	d.channel(now, "aerie.cmd.{owner}."+string(k)+".{id}.{verb}", "Requests, answered once their events are on disk", tokens(last), all)
	d.channel(queue, "aerie.queue.{owner}."+string(k)+".{id}.{verb}", "Commands that may wait until a server is there: AERIE_QUEUE acknowledges them once they are stored", tokens(last), all)
	d.operations["take."+now] = object{"action": "receive", "channel": reference("channels/" + now), "reply": object{"channel": reference("channels/answers")}}
	d.operations["take."+queue] = object{"action": "receive", "channel": reference("channels/" + queue)}
}

// events are those of a kind.
func (d *asyncDocument) events(k events.Kind, vocabulary []events.Event) {
	var all, types []string
	for _, e := range vocabulary {
		types = append(types, e.Type())
		all = append(all, d.message(string(k)+"."+e.Type(), events.CEType(k, e), toldHeaders, d.Told.Schema(reflect.TypeOf(e), true, "")))
	}
	name := "events." + string(k)
	d.channel(name, "aerie.evt.{owner}."+string(k)+".{id}.{type}", "Events, CloudEvents in binary mode, sent out when they are committed and kept in AERIE_EVENTS for ever", tokens(object{"type": object{"enum": types}}), all)
	d.operations["tell."+name] = object{"action": "send", "channel": reference("channels/" + name)}
}

// tokens are the parameters of a subject.
func tokens(last object) object {
	all := object{"owner": object{"description": "The customer it belongs to; - is the platform"}, "id": object{"description": "The entity's name"}}
	maps.Copy(all, last)
	return all
}
