package api

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

const docsPath = "/docs"

// docs serves a page for people. It needs no token: it tells of the program, not of what it keeps.
func (s *server) docs(made func() []byte) {
	page := sync.OnceValue(made)
	s.mux.HandleFunc("GET "+docsPath, func(w http.ResponseWriter, _ *http.Request) {
		writeHTML(w, page())
	})
}

func writeHTML(w http.ResponseWriter, page []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_, _ = w.Write(page)
}

// docsOf is the page that says the same as the two documents.
func docsOf(version string, open *huma.OpenAPI, async *asyncDocument) []byte {
	p := &docsPage{}
	p.begin("aerie " + version)
	p.say("<h1>aerie %s</h1>", version)
	p.say("<p>For programs: <a href=\"%s\">OpenAPI</a> tells of HTTP, <a href=\"%s\">AsyncAPI</a> of NATS. What is read and changed wants the token:", openAPIPath, asyncAPIPath)
	p.say(" <code>Authorization: Bearer</code> and what stands in <code>&lt;data-dir&gt;/token</code>.</p>")
	p.index(open, async)
	p.routes(open)
	p.channels(async)
	p.schemas(askedTitle, open.Components.Schemas)
	p.schemas(sentTitle, async.Told)
	return []byte(p.String())
}

const (
	askedTitle = "What is asked and answered over HTTP"
	sentTitle  = "What is sent over NATS"
)

const docsStyle = "body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;width:100%}" +
	"td,th{border-bottom:1px solid #ddd;padding:.3em .6em;text-align:left;vertical-align:top}code{font-size:.9em}h3{margin-top:2em}"

// docsPage is HTML under way.
type docsPage struct{ strings.Builder }

// begin is the head of a page.
func (p *docsPage) begin(title string) {
	p.say("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">")
	p.say("<title>%s</title><style>%s</style>", title, docsStyle)
}

func (p *docsPage) serve(w http.ResponseWriter) { writeHTML(w, []byte(p.String())) }

// index leads to the parts of the page, and to each schema.
func (p *docsPage) index(open *huma.OpenAPI, async *asyncDocument) {
	p.say("<nav><ul><li><a href=\"#http\">Over HTTP</a><li><a href=\"#nats\">Over NATS</a>")
	told := async.Told.Map()
	for _, part := range []struct {
		title string
		of    map[string]*huma.Schema
	}{{askedTitle, open.Components.Schemas.Map()}, {sentTitle, told}} {
		p.say("<li>%s:", part.title)
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			p.say(" <a href=\"#%s\">%s</a>", name, name)
		}
	}
	p.say("</ul></nav>")
}

// say writes HTML in which the arguments are text.
func (p *docsPage) say(format string, args ...string) {
	escaped := make([]any, len(args))
	for i, a := range args {
		escaped[i] = html.EscapeString(a)
	}
	fmt.Fprintf(&p.Builder, format+"\n", escaped...)
}

// routes are the operations over HTTP.
func (p *docsPage) routes(open *huma.OpenAPI) {
	p.say("<h2 id=\"http\">Over HTTP</h2><table><tr><th>route<th>what it does<th>parameters")
	for _, path := range slices.Sorted(maps.Keys(open.Paths)) {
		for _, op := range []*huma.Operation{open.Paths[path].Get, open.Paths[path].Post, open.Paths[path].Delete} {
			if op == nil {
				continue
			}
			p.say("<tr><td><code>%s %s</code><td>%s<td>", op.Method, path, op.Summary)
			for _, parameter := range op.Parameters {
				p.say("<code>%s</code> %s<br>", parameter.Name, parameter.Description)
			}
		}
	}
	p.say("</table>")
}

// channels are the subjects of NATS, and what travels there.
func (p *docsPage) channels(async *asyncDocument) {
	p.say("<h2 id=\"nats\">Over NATS</h2><table><tr><th>subject<th>what it is<th>messages")
	for _, name := range slices.Sorted(maps.Keys(async.Channels)) {
		c, _ := async.Channels[name].(object)
		address, _ := c["address"].(string)
		description, _ := c["description"].(string)
		p.say("<tr><td><code>%s</code><td>%s<td>", address, description)
		messages, _ := c["messages"].(object)
		for _, m := range slices.Sorted(maps.Keys(messages)) {
			p.message(async.Messages[m])
		}
	}
	p.say("</table>")
}

func (p *docsPage) message(m any) {
	said, _ := m.(object)
	title, _ := said["title"].(string)
	p.say("<code>%s</code>", title)
	if payload, ok := said["payload"].(*huma.Schema); ok {
		p.say(" ")
		p.kind(payload)
	}
	p.say("<br>")
}

// schemas are what messages and answers hold.
func (p *docsPage) schemas(title string, r huma.Registry) {
	p.say("<h2>%s</h2>", title)
	all := r.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p.say("<h3 id=\"%s\">%s</h3><table><tr><th>field<th>type<th>meaning", name, name)
		for _, field := range slices.Sorted(maps.Keys(all[name].Properties)) {
			f := all[name].Properties[field]
			p.say("<tr><td><code>%s</code><td>", field)
			p.kind(f)
			p.say("<td>%s", f.Description)
		}
		p.say("</table>")
	}
}

// kind says what a schema is, and leads to it if it has a name.
func (p *docsPage) kind(s *huma.Schema) {
	switch {
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		p.say("<a href=\"#%s\">%s</a>", name, name)
	case s.Items != nil:
		p.say("list of ")
		p.kind(s.Items)
	case s.Properties["spec"] != nil:
		p.kind(s.Properties["spec"])
	case len(s.Enum) > 0:
		for i, v := range s.Enum {
			if i > 0 {
				p.say(" or ")
			}
			p.say("<code>%s</code>", fmt.Sprint(v))
		}
	default:
		p.say("%s", s.Type)
	}
}
