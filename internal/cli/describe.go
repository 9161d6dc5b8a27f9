package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// lastEvents is how many events describe shows.
const lastEvents = 10

func newDescribeCommand() *cobra.Command {
	var r reading
	cmd := &cobra.Command{
		Use:               "describe KIND ID",
		Short:             "Tell everything about one entity: what it is, how it is and why",
		Example:           "  aerie describe tenant acme/prod",
		ValidArgsFunction: completeKindAndID(&r.Connection),
		RunE: r.one(func(cmd *cobra.Command, cl *client.Client, ref events.Ref) error {
			return describe(cmd.Context(), cl, cmd.OutOrStdout(), ref, &r)
		}),
	}
	r.flags(cmd)
	return cmd
}

func describe(ctx context.Context, cl *client.Client, w io.Writer, ref events.Ref, r *reading) error {
	e, err := cl.Entity(ctx, ref, 0)
	switch {
	case err != nil:
		return err
	case r.Format == print.Name:
		return print.Write(w, []byte(client.Plain(e.Ref().Path())+"\n"))
	case r.Format == print.JSON || r.Format == print.YAML:
		return print.Raw(w, r.Format, e.Raw)
	}
	l, past, err := newestEvents(ctx, cl, ref)
	if err != nil {
		return err
	}
	return print.Write(w, (&description{e: e, past: past, older: l.Next != nil, now: cl.Moment()}).text())
}

// newestEvents reads the newest events of an entity, the oldest of them first.
func newestEvents(ctx context.Context, c *client.Client, ref events.Ref) (l client.List, past []client.Event, err error) {
	l, err = c.List(ctx, client.EntityPath(ref)+"/history", url.Values{"sort": {"-seq"}}, lastEvents)
	if err == nil {
		past, err = l.Events()
	}
	slices.Reverse(past)
	return l, past, err
}

// description writes an entity for people.
type description struct {
	bytes.Buffer
	e     client.Entity
	past  []client.Event // the newest
	older bool           // there are others before them
	now   time.Time
}

func (d *description) text() []byte {
	d.identity()
	d.part("Spec", usedSpec(d.e))
	d.conditions()
	d.reason()
	d.placement()
	if len(d.e.Status.Observed) > 0 {
		d.part("Observed", d.e.Status.Observed)
	}
	d.owed()
	d.events()
	return d.Bytes()
}

func (d *description) line(name, format string, args ...any) {
	fmt.Fprintf(d, "%-12s %s\n", name+":", client.Plain(fmt.Sprintf(format, args...)))
}

func (d *description) identity() {
	e := d.e
	d.line("Kind", "%s", e.Kind)
	d.line("Name", "%s", e.Ref().Path())
	d.line("UID", "%s", e.UID)
	d.line("Phase", "%s%s", e.Phase, d.phaseSince())
	d.line("Created", "%s (%s ago)", e.Created.UTC().Format(time.RFC3339), print.Since(e.Created, d.now))
	d.line("Labels", "%s", cmp.Or(print.Labels(e.Labels), "none"))
	d.line("Sequence", "%d", e.Seq)
}

// phaseSince is when the condition Ready last changed: the nearest to a phase's
// beginning that the API says.
func (d *description) phaseSince() string {
	for _, c := range d.e.Status.Conditions {
		if c.Type == "Ready" && !c.Since.IsZero() {
			return fmt.Sprintf(" (ready is %s since %s, %s ago)", strings.ToLower(c.Status), c.Since.UTC().Format(time.RFC3339), print.Since(c.Since, d.now))
		}
	}
	return ""
}

// part writes a value as YAML under a heading.
func (d *description) part(head string, v any) {
	text, err := yaml.Marshal(v)
	if err != nil {
		text = []byte(fmt.Sprint(v))
	}
	fmt.Fprintf(d, "%s:\n", head)
	for line := range strings.Lines(string(text)) {
		fmt.Fprintf(d, "  %s\n", client.Plain(strings.TrimRight(line, "\n")))
	}
}

func (d *description) conditions() {
	var rows [][]string
	for _, c := range d.e.Status.Conditions {
		rows = append(rows, []string{c.Type, c.Status, print.Since(c.Since, d.now), c.Reason, d.unlessTold(c.Message)})
	}
	d.table("Conditions", []string{"TYPE", "STATUS", "FOR", "REASON", "MESSAGE"}, rows)
}

func (d *description) reason() {
	r := d.e.Status.Reason
	if r == nil {
		return
	}
	d.line("Reason", "%s: %s", r.Code, r.Message)
	if !r.Since.IsZero() {
		d.more("since %s, %s ago", r.Since.UTC().Format(time.RFC3339), print.Since(r.Since, d.now))
	}
	d.more("who can help: %s; %s", cmp.Or(string(r.Fault), "unknown"), tried(d.e, d.now))
}

// unlessTold leaves out what the reason says already: a fault is told once.
func (d *description) unlessTold(message string) string {
	if r := d.e.Status.Reason; r != nil && message != "" && strings.HasSuffix(r.Message, message) {
		return toldBelow
	}
	return message
}

// toldBelow stands where a fault would be told that is told further down.
const toldBelow = "see the reason below"

func tried(e client.Entity, now time.Time) string {
	r, ref := e.Status.Reason, e.Ref()
	switch {
	case !r.Retried && e.Status.Owed["on"] != nil:
		return fmt.Sprintf("goes on when the account is Ready again; else update it, or: aerie %s retry %s", ref.Kind, ref.Path())
	case !r.Retried:
		return fmt.Sprintf("not tried again by itself: update it, or: aerie %s retry %s", ref.Kind, ref.Path())
	case r.NextAt.After(now):
		return fmt.Sprintf("tried again in %s, at %s", print.Ago(r.NextAt.Sub(now)), r.NextAt.UTC().Format(time.RFC3339))
	case r.Code == events.InProgress:
		return "goes on by itself"
	case len(e.Status.Owed) > 0 && e.Status.Owed["on"] != nil:
		return "goes on when that is there"
	}
	return "tried again just now"
}

// owed says what is still to be done, in people's words.
func (d *description) owed() {
	owed := d.e.Status.Owed
	effect, _ := owed["effect"].(string)
	on, _ := owed["on"].([]any)
	switch {
	case effect == "":
		return
	case len(on) > 0:
		var all []string
		for _, o := range on {
			all = append(all, fmt.Sprint(o))
		}
		d.line("To be done", "waits for %s", strings.Join(all, ", "))
	default:
		d.line("To be done", "%s%s", fsm.WorkInWords(effect), failedBefore(owed["attempts"]))
	}
}

// failedBefore says how many attempts have failed, if any has.
func failedBefore(attempts any) string {
	switch n := fmt.Sprint(attempts); n {
	case "<nil>", "0":
		return ""
	case "1":
		return "; 1 attempt has failed"
	default:
		return "; " + n + " attempts have failed"
	}
}

// usedSpec is the spec without what means nothing for this entity.
func usedSpec(e client.Entity) any {
	var spec events.DataplaneSpec
	if e.Kind != events.Dataplane || json.Unmarshal(e.Spec, &spec) != nil {
		return e.Spec
	}
	fields, err := client.DecodeJSON(e.Spec)
	if err != nil {
		return e.Spec
	}
	for _, path := range spec.Unused() {
		within, _ := fields.(map[string]any)
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			within, _ = within[name].(map[string]any)
		}
		delete(within, names[len(names)-1])
	}
	return fields
}

func (d *description) placement() {
	p := d.e.Status.Placement
	if p == nil {
		return
	}
	d.line("Placement", "%s on %s, namespace %s", p.TenantInfra, p.Dataplane, p.Namespace)
	d.more("by plan %s, version %d, size %s", p.Plan, p.PlanVersion, p.Size)
	d.more("why: %s", p.Why)
}

func (d *description) events() {
	head := "Events"
	if d.older {
		head = fmt.Sprintf("Events (the last %d)", len(d.past))
	}
	told := ""
	if r := d.e.Status.Reason; r != nil {
		told = r.Message
	}
	columns, rows := eventTable(d.past, false, told)
	d.table(head, columns, rows)
}

func (d *description) table(head string, columns []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(d, "%s:\n", head)
	var b bytes.Buffer
	if print.Rows(&b, columns, rows) != nil {
		return // a buffer takes everything
	}
	for line := range strings.Lines(b.String()) {
		d.WriteString("  " + line)
	}
}

// more goes on with the line before.
func (d *description) more(format string, args ...any) {
	fmt.Fprintf(d, "%-12s %s\n", "", client.Plain(fmt.Sprintf(format, args...)))
}
