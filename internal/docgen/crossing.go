package docgen

import (
	"strings"

	"github.com/aeriehq/aerie/workers/consent"
)

// Crossing is the page of what leaves a customer's network.
func Crossing() string {
	p := &page{}
	p.para("# What leaves a customer's network")
	p.para("%s", generated)
	p.para("An [agent](../agents.md) sends these messages, and nothing else, over the one connection that it opens. The list is made of\n" +
		"the types of the channel, and the agent has it built in: a field that is not here does not leave, also where a newer part of the\n" +
		"program has it, and is named in the agent's log as `kept back`. An outcome that is not here is not sent at all. Secrets that\n" +
		"the agent has read are taken out of all texts that come from elsewhere. What does leave is written down, as it is, in the\n" +
		"agent's data directory (`log/`), before it is sent.")
	p.para("No credentials of a cloud, no secrets, no content of objects, and no data of what runs there are in it. `calls`, which tell what\n" +
		"was called and how long it took, leave only if the agent's policy says `activity: true`, or if it has no policy.")
	p.para("NATS itself sends, when it connects, the agent's public key, its name (`aerie agent`) and the version of its client.")
	for _, m := range consent.Messages {
		p.para("## `%s`", m.Name)
		p.para("%s.", capital(m.Doc))
		p.paths(m.Name)
	}
	p.para("## Outcomes in reports")
	p.para("A report's `event` is one of these, named by its `outcome`.")
	for _, e := range consent.Outcomes {
		p.para("### `%s`", e.Type())
		p.paths("report.event(" + e.Type() + ")")
	}
	return strings.TrimSuffix(p.String(), "\n")
}

// paths are the fields below a path.
func (p *page) paths(of string) {
	p.table("field", "type")
	some := false
	for _, line := range consent.Schema() {
		path, kind, _ := strings.Cut(line, " ")
		if rest, below := strings.CutPrefix(path, of+"."); below {
			p.row(code(rest), kind)
			some = true
		}
	}
	if !some {
		p.row("none", "")
	}
	p.end()
}
