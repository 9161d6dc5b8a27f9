package events

// Header is a header of a message, and what it says, in Markdown.
type Header struct{ Name, Doc string }

// CommandHeaders are those a command may carry.
var CommandHeaders = []Header{
	{"Nats-Msg-Id", "the command's id; made up if it is absent. The same id again gets the same answer and does nothing again; with another subject or body it is a `conflict`; white space and the order of keys in a body are nothing to it"},
	{"Aerie-Expected-Seq", "refuse as `conflict` if the entity's last sequence is another"},
	{"Aerie-Expected-Uid", "refuse as `conflict` if the name belongs to another incarnation"},
	{"Aerie-Dry-Run", "`true`: decide and answer, append nothing"},
	{"traceparent", "W3C trace context; events carry it on"},
}

// EventHeaders are those of every event but for traceparent, which is absent where
// the command had none, and those that say what the entity became.
var EventHeaders = []Header{
	{"ce-specversion", "`1.0`"},
	{"ce-id", "the event's own ULID"},
	{"ce-source", "`/aerie`"},
	{"ce-type", "such as `io.aerie.tenant.activated.v1`"},
	{"ce-subject", "such as `tenant acme/prod`"},
	{"ce-time", "when it was decided, RFC 3339, UTC"},
	{"ce-actor", "who authenticated: `" + ActorAdmin + "` is the local token, `token:<id>`, `user:<id>`; `" + ActorAerie + "` and `" + ActorExecutor + "` are the machinery"},
	{"ce-commandid", "the command or report that caused it"},
	{"ce-causationid", "the event or command right before it in the chain"},
	{"ce-correlationid", "the command that a person gave, however long ago"},
	{"ce-commanddigest", "of the command's subject and of its body in canonical JSON: tells a repeat from another use of the id"},
	{"ce-part", "its place in its decision, such as `1/2`; the events of one decision became true together"},
	{"ce-crc", "checksum of the subject, the headers above and the body"},
	{"ce-uid", "the incarnation of the entity, as in answers; this and the next two are absent in events of older releases, and where there is no entity"},
	{"ce-phase", "the phase of the entity after the event"},
	{"ce-statecrc", "checksum of `ce-crc` and these two"},
	{"content-type", "`application/json`"},
	{"traceparent", "the command's trace context, if it had one"},
}

// HeaderSpeed is the header of every HTTP answer that says how many seconds pass in the simulated cloud in one of ours.
const HeaderSpeed = "Aerie-Cloud-Speed"
