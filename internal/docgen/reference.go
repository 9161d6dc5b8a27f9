package docgen

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// Reference lists everything that has a name, of some kinds and their events: kinds, verbs, fields, events, effects,
// subjects, headers, codes and limits.
func Reference(kinds *ev.Registry, vocabulary map[ev.Kind][]ev.Event) string {
	p := &page{}
	p.para("# Reference")
	p.para(generated)
	p.para("[lives.md](lives.md) draws how each kind lives; [glossary.md](glossary.md) explains the words.")
	p.kinds(kinds)
	for _, d := range kinds.All() {
		p.kind(d, vocabulary[d.Kind])
	}
	p.roles(kinds)
	p.refusedCommands()
	p.effects()
	p.subjects()
	p.headers()
	p.answers()
	p.codes()
	p.reasons()
	p.limits()
	return strings.TrimSpace(p.String()) + "\n"
}

func (p *page) kinds(kinds *ev.Registry) {
	p.para("## Kinds")
	p.table("kind", "what it is", "owner", "id", "phases")
	for _, d := range kinds.All() {
		var phases []string
		for _, ph := range phasesOf(d.Kind) {
			phases = append(phases, string(ph))
		}
		p.row(code(string(d.Kind)), d.Doc, strings.Replace(d.Owners(), "-", "`-`", 1), idForm(d), strings.Join(phases, ", "))
	}
	p.end()
	p.para("A label is written in %s. An id is one label, or two or three joined by `_`, as the table says. A reference is `owner/id`, such as `acme/prod`; `-/free` and just `free` name what belongs to the platform, and a customer is named by its id alone. Where an id has more labels, `acme/prod/pg` means `acme/prod_pg`, and of the platform's `eu/pg` means `-/eu_pg`, `eu/pg/c1` means `-/eu_pg_c1`.", ev.LabelRule)
	p.para("Every kind has the verbs %s; the table of a kind lists any further ones. The body of `create` and `update` is `{\"labels\":{…},\"spec\":{…}}`; `update` replaces the one that is given as a whole and leaves the other alone. The body of `retry` is empty, that of `delete` is `{\"cascade\":false}`. An unknown field is refused, and so is a key that is there twice.", codes(kinds.All()[0].VerbNames()))
	p.para("What is made for a dataplane, a tenantinfra, a tenant, an application or an addon carries its mark. If the log does not know a mark, `disown` with `{\"uid\":\"…\"}` says that its owner has ended and that it is to be removed (for a dataplane also `account` and `region`: where to look for it), and `adopt` with `{\"uid\":\"…\",\"labels\":{…},\"spec\":{…}}` makes an entity of it (for a tenant also `dataplane`: where its namespace is). `GET /v1/orphans` lists them.")
	p.para("Text is UTF-8. Other bytes, half a surrogate pair and NUL are `invalid` everywhere. In a field of one line so are control characters, line breaks and marks of the direction of writing; values and manifests keep those, and the command line shows them as `\\x1b` or `\\u202e`.")
	p.para("What `apply`, `diff`, `--spec`, `--values` and `--body` read is YAML or JSON, in UTF-8 or, with its byte order mark, UTF-16. YAML documents have `---` between them; JSON documents need nothing between them. Plain words and numbers are read as kubectl and Helm read them (`on` is true, `012` is 10); if a key or a text field reads as something else than text, it is `invalid`: put it in quotes. The keys of a merge (`<<`) may be overridden. Each fault names its file, document, field and line. `apply` sends nothing if there is a fault in any document, or if the server, which it asks beforehand, would refuse one.")
}

func idForm(d ev.Descriptor) string {
	if d.Parent == "" {
		return "a label"
	}
	return code(d.IDForm())
}

// phasesOf lists a kind's phases but for Unborn; none of a kind that has no life here.
func phasesOf(k ev.Kind) (phases []fsm.Phase) {
	if m, ok := fsm.Machines[k]; ok {
		phases = m.Phases()[1:]
	}
	return phases
}

func (p *page) kind(d ev.Descriptor, vocabulary []ev.Event) {
	p.para("## %s", d.Kind)
	p.table("field of `spec`", "type", "default", "bounds", "meaning")
	for _, f := range ev.FieldsOf(reflect.TypeOf(d.Spec)) {
		p.row(code(f.Path), f.TypeName(), presence(f), f.Bounds(code), f.Doc())
	}
	p.end()
	p.table("verb", "what it does", "fields of the body")
	for _, v := range d.Verbs {
		p.row(code(v.Name), v.DocFor(d), bodyOf(v, d.Kind))
	}
	p.end()
	p.table("event", "wire type", "fields")
	for _, e := range vocabulary {
		p.row(code(e.Type()), code(ev.CEType(d.Kind, e)), shapeOf(reflect.TypeOf(e)))
	}
	p.end()
}

// bodyOf says the fields of a verb's body in one line.
func bodyOf(v ev.Verb, k ev.Kind) string {
	var all []string
	for _, f := range v.Fields(k) {
		name := code(f.Path)
		if !f.Required() {
			name += "?"
		}
		all = append(all, name+" "+f.TypeName()+": "+f.Doc())
	}
	if v.TakesSpec() {
		all = append(all, "`labels`?", "`spec`")
		if v.Changes() {
			all[len(all)-1] += "?"
		}
	}
	return strings.Join(all, "; ")
}

// roles is the table of rights: of whose things each role may ask a verb, or read.
func (p *page) roles(kinds *ev.Registry) {
	p.para("## Roles")
	p.para("Who may do what. `all` means everybody's things, `customers'` those of customers but not the platform's, `own` those of the caller's own customer; a dash means none. The contents of a command are limited too: nobody gives a role above his own, for another owner, or with a later end; the specs of a customer's people name only what is their customer's, and plans, and their accounts have hosting `customer`. `aerie auth can-i VERB KIND` asks this table.")
	head := []string{"kind", "verbs"}
	for _, r := range ev.Roles {
		head = append(head, string(r))
	}
	p.table(head...)
	for _, d := range kinds.All() {
		var same []string
		for i, verb := range append([]string{ev.VerbRead}, d.VerbNames()...) {
			all := append([]string{ev.VerbRead}, d.VerbNames()...)
			same = append(same, verb)
			if i+1 < len(all) && slices.Equal(rights(d, verb), rights(d, all[i+1])) {
				continue
			}
			p.row(append([]string{code(string(d.Kind)), codes(same)}, rights(d, verb)...)...)
			same = nil
		}
	}
	p.end()
	p.para("Of the platform's things a customer's people can read plans that are no drafts and dataplanes on which the customer has a tenant. They see the name, the phase, and these fields:")
	p.table("kind", "fields")
	for _, d := range kinds.All() {
		if len(d.Access.Shown) > 0 {
			p.row(code(string(d.Kind)), codes(d.Access.Shown))
		}
	}
	p.end()
}

// rights are a row of the table: what each role may.
func rights(d ev.Descriptor, verb string) (all []string) {
	for _, r := range ev.Roles {
		all = append(all, d.May(r, verb).String())
	}
	return all
}

func (p *page) refusedCommands() {
	p.para("## Refused commands")
	p.para("The refusal of a command that waited in `AERIE_QUEUE` is an event on `aerie.evt.<owner>.command.<command id>.refused`; its actor is who gave the command. The same holds for a command that `aerie queue drop` took off, and for one published with a wrong number of tokens. A command without an id, or with a bad one, has the id `q~<tag of the queue>~<place>`, which no client can use; logs of older releases have `q-<place>`. If the owner is no name, the refusal is only in the program's own log.")
	p.table("event", "wire type", "fields")
	e := ev.CommandRefused{}
	p.row(code(e.Type()), code(fmt.Sprintf("io.aerie.%s.%s.v1", ev.CommandKind, e.Type())), shapeOf(reflect.TypeOf(e)))
	p.end()
}

func (p *page) effects() {
	p.para("## Effects")
	p.para("What an entity can be owed. Each is on `AERIE_WORK`, with these arguments, while it is owed; what an agent does, that agent asks for.")
	p.table("effect", "what it owes", "arguments")
	for _, e := range effects {
		p.row(code(e.effect.Effect()), e.doc, shapeOf(reflect.TypeOf(e.effect)))
	}
	p.end()
}

func (p *page) subjects() {
	p.para("## Subjects and streams")
	p.table("subject", "stream", "what travels there")
	p.row("`aerie.cmd.<owner>.<kind>.<id>.<verb>`", "-", "commands: a request, answered once its events are durable")
	p.row("`aerie.queue.<owner>.<kind>.<id>.<verb>`", "`AERIE_QUEUE`", "commands that may wait until somebody handles them: acknowledged once stored, handled once, in order for each entity; stored as `aerie.queued.<partition>.…`")
	p.row("`aerie.evt.<owner>.<kind>.<id>.<type>`", "`AERIE_EVENTS`", "every event, for ever, sent out after it is committed")
	p.row("`aerie.append.<owner>.<kind>.<id>.<type>`", "`AERIE_EVENTS`", "where aerie alone appends; stored under the subject above")
	p.row("`aerie.work.<dataplane owner>.<dataplane>.<kind>.<owner>.<id>`", "`AERIE_WORK`", "what is owed, the newest per subject, in memory; both first tokens are `-` where there is no dataplane")
	p.row("`aerie.timer.<owner>.<kind>.<id>`", "`AERIE_TIMERS`", "when an entity is to be looked at again, in memory: a message schedule of JetStream, the newest per entity")
	p.row("`aerie.due.<owner>.<kind>.<id>`", "`AERIE_TIMERS`", "a timer that has gone off, until a dispatcher has looked")
	p.row("`aerie.read.<owner>.events`", "-", "a question of a customer's people: their events after a sequence, which they have no JetStream for")
	p.row("`aerie.report.` and the rest of a work's subject", "-", "what an executor or an agent did of that work, answered once it is durable")
	p.row("`aerie.agent.<owner>.<place>.owed`, `.stands`, `.ended`", "-", "questions of the agent that works at a place: what is owed there, what was made there and should be there, whose marks there are of what has ended; the answers have pages")
	p.row("`aerie.agent.<owner>.__<agent>.seen`, `.join`", "-", "what an agent says once a minute, by which it takes or keeps its lease, and how it joins")
	p.row("`aerie.hint.<owner>.<place>`", "-", "an empty message to that agent: something may be new there")
	p.row("`aerie.from.<id>.` and the rest of a command's, a queued command's or a read's subject", "as there", "the same from a caller on NATS servers that ask aerie who he is; `GET /v1/whoami` says the prefix in `nats`")
	p.row("`aerie.answer.>`, `aerie.shown.>`", "-", "how answers and events cross to callers there; nobody else uses them")
	p.row("`$KV.AERIE_PEOPLE.>`", "`KV_AERIE_PEOPLE`", "names and claims of people, in no event, so that they can be erased")
	p.row("`$KV.AERIE_KEYS.>`", "`KV_AERIE_KEYS`", "the installation's keys, sealed")
	p.end()
	p.para("A place is a dataplane of the owner, or one of its accounts, as `_<account>`. `<owner>` is a customer's id, or `-` for what belongs to the platform. So `aerie.evt.acme.>` is all that happens to one customer's things.")
}

func (p *page) headers() {
	p.para("## Headers")
	p.para("A command may carry:")
	p.table("header", "meaning")
	p.headerRows(ev.CommandHeaders)
	p.end()
	p.eventHeaders()
}

func (p *page) eventHeaders() {
	p.para("An event is a CloudEvent 1.0 in binary mode: its body is the JSON of its fields, and the rest is headers.")
	p.table("header", "meaning")
	p.headerRows(ev.EventHeaders)
	p.end()
}

func (p *page) headerRows(all []ev.Header) {
	for _, h := range all {
		p.row(code(h.Name), h.Doc)
	}
}

func (p *page) answers() {
	p.para("## Answers")
	p.para("The answer to an accepted command says what happened; `events` is empty if nothing new did:")
	p.table("field", "type", "meaning")
	for _, f := range ev.FieldsOf(reflect.TypeFor[ev.Answer]()) {
		p.row(code(f.Path), f.TypeName(), f.Doc())
	}
	p.end()
	p.para("The answer to a refused one is `{\"error\":{…}}` with these fields:")
	p.table("field", "type", "meaning")
	for _, f := range ev.FieldsOf(reflect.TypeFor[ev.Refusal]()) {
		p.row(code(f.Path), f.TypeName(), f.Doc())
	}
	p.end()
}

func (p *page) codes() {
	p.para("## Codes of refusals")
	p.table("code", "HTTP status", "exit code", "meaning")
	for _, c := range [][4]string{
		{string(ev.Invalid), "400", "2", "the command can't be understood, or names something that does not exist; `details` has every fault with its field"},
		{string(ev.NotFound), "404", "4", "there is no such entity"},
		{string(ev.Conflict), "409", "3", "the entity is not as the command expects"},
		{string(ev.Refused), "422", "3", "understood, but not allowed as things are"},
		{string(ev.Denied), "403; 401 without a token", "3", "this caller may not"},
		{string(ev.Unavailable), "503", "1", "not now: ask again with the same id"},
		{string(ev.TooMany), "429, with Retry-After", "1", "this caller has used up a budget: ask again later, with the same id"},
		{string(ev.Internal), "500", "1", "aerie's fault; the cause is in the server's log"},
	} {
		p.row(code(c[0]), c[1], c[2], c[3])
	}
	p.end()
	p.para("Success exits 0; a time limit that passed (`--timeout`) exits 5. `diff` exits 1 if there are differences.")
}

// reasonCodes says of each code of a reason what it means.
var reasonCodes = []struct {
	code ev.ReasonCode
	doc  string
}{
	{ev.Unauthenticated, "the cloud does not accept aerie's credentials"},
	{ev.Unauthorized, "the role lacks a right that is needed"},
	{ev.QuotaExceeded, "an account, a plan's template or the server has reached a bound that a person can raise, or have raised"},
	{ev.RateLimited, "the cloud asks to come back later"},
	{ev.CapacityUnavailable, "there are no such machines now, or no place fits"},
	{ev.Dependency, "something else must be ready first"},
	{ev.ConfigProblem, "the spec can't be met as it is written"},
	{ev.ConflictReason, "something else is under way there"},
	{ev.Timeout, "it took longer than the phase allows"},
	{ev.Unreachable, "there was no answer"},
	{ev.InternalReason, "something failed, and no other code fits"},
	{ev.UnknownReason, "the cloud refused in words that aerie does not know; the sentence has them"},
	{ev.DriftedReason, "somebody else has changed or deleted what was made, and the dataplane's policy is to report it"},
	{ev.Contested, "somebody else undoes each repair: aerie waits longer before each next one"},
	{ev.Queued, "too much is done at once, so it waits for its turn; then the time of its phase begins anew"},
	{ev.NotSeen, "it was made as often as is allowed, and no look shows it: nothing more is made, and aerie goes on looking"},
	{ev.InProgress, "nothing is wrong: it takes its time"},
	{ev.AgentTooOld, "the agent does not know how to do it: a newer one is needed there"},
	{ev.Approval, "people at the customer's side must agree, or a freeze or pause of theirs must end"},
	{ev.ProvisionStopped, "what a plan's template made has failed again and again: nothing more is made until `plan retry` or a new version"},
}

func (p *page) reasons() {
	p.para("## Codes of reasons")
	p.para("Every entity that is not at rest has one reason: a code, a sentence, whose fault it is (%s) and whether it goes on by itself.", codes([]string{string(ev.ByUser), string(ev.BySystem), string(ev.ByCloud)}))
	p.table("code", "meaning", "when an attempt fails with it")
	for _, r := range reasonCodes {
		p.row(code(string(r.code)), r.doc, consequence(r.code))
	}
	p.end()
}

// consequence says what a failure with a code leads to.
func consequence(c ev.ReasonCode) string {
	r := ev.Reason{Code: c}
	switch {
	case c == ev.InProgress || c == ev.DriftedReason || c == ev.Contested || c == ev.ProvisionStopped:
		return "-"
	case r.Final():
		return "given up at once"
	case !r.Counted():
		return "tried again, and not counted"
	}
	return "tried again, and counted"
}

func (p *page) limits() {
	p.para("## Limits")
	p.table("what", "most")
	for _, l := range [][2]string{
		{"one part of an id", fmt.Sprintf("%d characters", ev.MaxLabel)},
		{"labels of an entity", fmt.Sprint(ev.MaxLabels)},
		{"key or value of a label", "63 characters"},
		{"body of a command", size(ev.MaxBody)},
		{"one document given to `apply`", size(ev.MaxBody)},
		{"one input given to `apply`", size(4 << 20)},
		{"a whole number in an application's manifests", "9007199254740991 either way; beyond it, write a string"},
		{"a tenant's namespace", "63 characters; a longer name is cut and ends in a hash of the whole"},
	} {
		p.row(l[0], l[1])
	}
	p.end()
}

func size(bytes int) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// effectNames lists the effects that are documented.
func effectNames() (names []string) {
	for _, e := range effects {
		names = append(names, e.effect.Effect())
	}
	slices.Sort(names)
	return names
}
