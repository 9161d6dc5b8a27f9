package cli

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// What flags say of a spec is what --spec would have said.
func TestFlagsAreAsTheSpec(t *testing.T) {
	for _, c := range []struct{ args, spec string }{
		{"tenant create acme/prod --plan free --region eu --allow-namespaces a,b --allow-namespaces c", `{"plan":"free","region":"eu","allowNamespaces":["a","b","c"]}`},
		{"tenant create acme/prod --spec {\"plan\":\"gold\"} --plan free", `{"plan":"free"}`},
		{"dataplane create eu --account main --region eu-central --system-pool-max 7 --cluster-private", `{"account":"main","region":"eu-central","systemPool":{"max":7},"cluster":{"private":true}}`},
		{"application create acme/prod/pg --chart-name pg --chart-version 1.2 --set a=b", `{"chart":{"name":"pg","version":"1.2"},"values":{"a":"b"}}`},
		{"customer create acme --display-name Acme", `{"displayName":"Acme"}`},
	} {
		s := newStandIn(t)
		if code, _, errs := s.run("", strings.Fields(c.args)...); code != 0 {
			t.Errorf("%s: exit %d, %s", c.args, code, errs)
			continue
		}
		var sent struct{ Spec any }
		if err := json.Unmarshal(s.messages()[0].Data, &sent); err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal([]byte(c.spec), &want); err != nil {
			t.Fatal(err)
		}
		got, _ := events.Encode(sent.Spec)
		wanted, _ := events.Encode(want)
		if string(got) != string(wanted) {
			t.Errorf("%s: %s, want %s", c.args, got, wanted)
		}
	}
}

// An update by flags leaves the rest of the spec as it is.
func TestAnUpdateByFlagsChangesThatAlone(t *testing.T) {
	for _, c := range []struct{ flags, want string }{
		{`--region us`, `{"app":"pg","plan":"-/free","region":"us"}`},
		{`--spec {"region":"us"}`, `{"app":"pg","plan":"-/free","region":"us"}`},
		{`--spec {"region":"us","app":"mq"} --app pq`, `{"app":"pq","plan":"-/free","region":"us"}`},
		{`--spec {}`, `{"app":"pg","plan":"-/free","region":"eu"}`},
		{`--spec {"region":null}`, `{"app":"pg","plan":"-/free","region":null}`},
	} {
		s := newStandIn(t)
		s.put(client.Entity{Kind: events.Tenant, Owner: "acme", ID: "prod", Seq: 7, Spec: json.RawMessage(`{"plan":"-/free","app":"pg","region":"eu"}`)})
		if code, _, errs := s.run("", append([]string{"tenant", "update", "acme/prod"}, strings.Fields(c.flags)...)...); code != 0 {
			t.Errorf("%s: %s", c.flags, errs)
			continue
		}
		sent := s.messages()[0]
		if got := string(sent.Data); got != `{"spec":`+c.want+`}` || sent.Header.Get("Aerie-Expected-Seq") != "7" {
			t.Errorf("%s: %s, %v", c.flags, got, sent.Header)
		}
	}
}

// An update of what is not there for who asks is sent if it is whole, so that the server says whether he may; else it is not_found.
func TestAnUpdateOfWhatIsNotSeen(t *testing.T) {
	s := newStandIn(t)
	if code, _, errs := s.run("", "tenant", "update", "acme/prod", "--spec", `{"plan":"free"}`); code != 0 {
		t.Error(errs)
	}
	if code, _, errs := s.run("", "plan", "update", "free", "--spec", `{"quota":{"pods":11}}`); code != client.ExitNotFound {
		t.Error(code, errs)
	}
	if sent := s.messages(); len(sent) != 1 || string(sent[0].Data) != `{"spec":{"plan":"free"}}` {
		t.Error(sent)
	}
}

func TestWrongFlagsOfFields(t *testing.T) {
	t.Setenv("AERIE_API_URL", "http://127.0.0.1:1")
	t.Setenv("AERIE_TOKEN", "x")
	for _, c := range []struct{ args, want string }{
		{"tenant create acme/prod --pln free", `--pln: aerie tenant create has no such flag; did you mean "plan"?`},
		{"tenant create acme/prod --region Eu --plan free", `spec.region: "Eu"`},
		{"tenant create acme/prod --plan free --body x", "--body: is there with"},
		{"plan create free --deployment sharing", "spec.deployment: \"sharing\""},
		{"dataplane create eu --account main --region eu --system-pool-max many", "flag: invalid argument"},
		{"dataplane create eu --spec {systemPool:[]} --system-pool-max 3", "--spec: not YAML"},
		{`dataplane create eu --spec {"systemPool":[]} --system-pool-max 3`, "--system-pool-max: spec is no object that it could be put into"},
	} {
		code, out, errs := runCLI(t.Context(), "", strings.Fields(c.args)...)
		if code != 2 || out != "" || !strings.Contains(errs, "\n  "+c.want) {
			t.Errorf("%s: exit %d, %s%s; want %s", c.args, code, out, errs, c.want)
		}
	}
}

// Every scalar field of every spec, and of every verb's body, has a flag of its own: no other flag has its name.
func TestEveryScalarFieldHasAFlag(t *testing.T) {
	root := newRoot(events.Builtin, ofEveryKind)
	for _, d := range events.Builtin.All() {
		for _, v := range d.Verbs {
			cmd, _, err := root.Find([]string{string(d.Kind), v.Name})
			if err != nil {
				t.Fatal(err)
			}
			fields := v.Fields(d.Kind)
			if v.TakesSpec() {
				fields = append(fields, d.ScalarFields()...)
			}
			for _, f := range fields {
				flag := cmd.Flags().Lookup(flagName(f.Path))
				if flag == nil || flag.Usage != flagUsage(f) {
					t.Errorf("%s: %s has no flag of its own", cmd.CommandPath(), f.Path)
				}
			}
		}
	}
}

// The values of flags are completed with what the server has, or what they may be.
func TestValuesAreCompleted(t *testing.T) {
	s := newStandIn(t)
	s.put(client.Entity{Kind: events.Plan, Owner: "-", ID: "free", Labels: map[string]string{"tier": "gold", "env": "a"}})
	s.put(client.Entity{Kind: events.Plan, Owner: "-", ID: "gone", Labels: map[string]string{"tier": "silver"}})
	s.put(client.Entity{Kind: events.Customer, Owner: "acme", ID: "acme"})
	complete := func(args ...string) string {
		t.Setenv("AERIE_API_URL", s.apiURL)
		t.Setenv("AERIE_TOKEN", s.token)
		_, out, _ := runCLI(context.WithoutCancel(t.Context()), "", append([]string{"__complete"}, args...)...)
		return out
	}
	for _, c := range []struct{ args, want string }{
		{"tenant create acme/prod --plan ", "free\ngone\n:4"},
		{"dataplane attach eu --customer ", "acme\n:4"},
		{"account create main --cloud ", "sim\naws\n:4"},
		{"get tenants --plan ", "free\ngone\n:4"},
		{"get tenants --owner ", "acme\n-\n:4"},
		{"get plans --phase ", "Draft\n"},
		{"get tenants --sort ", "name\n-name\ncreated\n-created\nphase\n-phase\nseq\n-seq\n:4"},
		{"get tenants --sort-by ", ".created\n.id\n.owner\n.phase\n.seq\n.uid\n.spec.plan\n"},
		{"get plans -l ", "env\ntier\n:6"},
		{"get plans -l t", "tier\n:6"},
		{"get plans -l tier=", "tier=gold\ntier=silver\n:6"},
		{"get plans -l tier!=s", "tier!=silver\n:6"},
		{"get plans -l env=a,!ti", "env=a,!tier\n:6"},
		{"get plans -l env=a,tier=g", "env=a,tier=gold\n:6"},
		{"get nosuch -l ", ":6"},
		{"wait plans -l ", "env\ntier\n:6"},
		{"wait plans --owner ", "acme\n-\n:4"},
		{"wait plans --for ", "condition=Ready\ndelete\nphase=Draft\n"},
		{"plan update free -l ti", "tier\n:6"},
		{"plan create pro --label tier=", "tier=gold\ntier=silver\n:6"},
		{"tail --type ", "activated\n"},
		{"tail --owner ", "acme\n-\n:4"},
	} {
		if got := complete(strings.Split(c.args, " ")...); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s", c.args, got)
		}
	}
}

// Help has the right article before each kind.
func TestHelpSaysAAndAn(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, wrong := range []string{"a account", "a application", "a addon", "an tenant", "an plan", "an customer", "an dataplane"} {
			if strings.Contains(c.Short+c.Long+c.UsageString(), " "+wrong) {
				t.Errorf("%s says %q", c.CommandPath(), wrong)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := newRoot(events.Builtin, ofEveryKind)
	root.SetOut(io.Discard)
	walk(root)
}
