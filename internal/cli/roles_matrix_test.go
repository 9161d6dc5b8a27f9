package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

const (
	publicKey = "UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	noHash    = "0000000000000000000000000000000000000000000000000000000000000000"
)

// specs are specs that the decoder takes, by kind; OWNER is whose thing it is.
var specs = map[events.Kind]string{
	events.Customer:    `{}`,
	events.Account:     `{"cloud":"sim","number":"1","hosting":"customer","role":"r","externalId":"x"}`,
	events.Plan:        `{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}`,
	events.Dataplane:   `{"account":"OWNER/main","region":"eu-central"}`,
	events.TenantInfra: `{"app":"pg","size":"small","pools":[{"name":"a","machine":"m"}]}`,
	events.Tenant:      `{"plan":"-/free"}`,
	events.Application: `{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}]}`,
	events.Addon:       `{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}]}`,
	events.Principal:   `{"role":"ROLE","key":"` + publicKey + `","expires":"2026-12-01T00:00:00Z"}`,
	events.Repository:  `{"url":"oci://r.example.com/x","password":{"secretRef":{"store":"vault","name":"charts","key":"password"}}}`,
	events.Agent:       `{"dataplanes":["eu"]}`,
	events.Token:       `{"role":"ROLE","hash":"` + noHash + `","expires":"2026-12-01T00:00:00Z"}`,
}

// fields are what verbs ask for beside a spec.
var fields = map[string]string{"customer": "acme", "version": "1.37", "uid": "01J8ZQ6M3N4P5R6S7T8V9W0X1Y", "dataplane": "-/eu",
	"secret": noHash, "until": "2026-12-01T00:00:00Z"}

// matrix is a control plane with a token for each role, and a way to ask it as each.
type matrix struct {
	*testing.T
	tokens  map[events.Role]string
	clients map[events.Role]*client.Client
}

func newMatrix(t *testing.T) *matrix {
	c := startControl(t)
	m := &matrix{t, map[events.Role]string{}, map[events.Role]*client.Client{}}
	c.do(0, `{kind: customer, name: acme}
---
{kind: customer, name: birch}
---
{kind: plan, name: free, spec: {deployment: resource-shared, apps: [{type: pg, size: small}]}}
---
{kind: tenant, name: prod, owner: acme, spec: {plan: free}}
---
{kind: tenant, name: prod, owner: birch, spec: {plan: free}}
---
{kind: token, name: ci, owner: birch, spec: {role: customer-viewer, hash: "`+noHash+`", expires: "2040-01-01T00:00:00Z"}}
`, "apply", "-f", "-")
	for _, role := range events.Roles {
		args := []string{"auth", "tokens", "create", "--name", "of-" + string(role), "--role", string(role), "-o", "json", "--ttl", "9999h"}
		if role.OfCustomer() {
			args = append(args, "--owner", "acme")
		}
		out, _ := c.do(0, "", args...)
		var made struct{ Token string }
		if err := json.Unmarshal([]byte(out), &made); err != nil || made.Token == "" {
			t.Fatal(out, err)
		}
		m.tokens[role] = made.Token
	}
	return m
}

// over are the ways to ask. Each answers with the code of a refusal, or "".
func (m *matrix) over() map[string]func(role events.Role, ref events.Ref, verb, body string) string {
	return map[string]func(events.Role, events.Ref, string, string) string{"nats": m.nats, "http": m.http, "cli": m.cli}
}

// client asks as a role, over one connection.
func (m *matrix) client(role events.Role) *client.Client {
	cl := m.clients[role]
	if cl == nil {
		var err error
		if cl, err = client.New(os.Getenv("AERIE_API_URL"), os.Getenv("AERIE_NATS_URL"), m.tokens[role]); err != nil {
			m.Fatal(err)
		}
		m.clients[role] = cl
		m.Cleanup(cl.Close)
	}
	return cl
}

func (m *matrix) nats(role events.Role, ref events.Ref, verb, body string) string {
	cl := m.client(role)
	ctx, cancel := context.WithTimeout(m.Context(), 20*time.Second)
	defer cancel()
	msg := client.Command{Ref: ref, Verb: verb, Body: []byte(body), DryRun: true}.Message(ulid.Make().String())
	_, err := cl.Ask(ctx, msg)
	return codeOf(err)
}

func codeOf(err error) string {
	var r *events.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &r):
		return string(r.Code)
	}
	return err.Error()
}

func (m *matrix) http(role events.Role, ref events.Ref, verb, body string) string {
	method, path, sent := http.MethodPost, "/v1/commands/"+ref.Owner+"/"+string(ref.Kind)+"/"+ref.ID+"/"+verb, body
	if verb == events.VerbRead {
		method, path, sent = http.MethodGet, client.EntityPath(ref), ""
	}
	r, err := http.NewRequestWithContext(m.Context(), method, os.Getenv("AERIE_API_URL")+path, strings.NewReader(sent))
	if err != nil {
		m.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+m.tokens[role])
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Aerie-Dry-Run", "true")
	if verb == events.VerbRead {
		r.Header.Del("Aerie-Dry-Run")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		m.Fatal(err)
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(res.Body)
	var p struct{ Code string }
	_ = json.Unmarshal(data, &p)
	return p.Code
}

func (m *matrix) cli(role events.Role, ref events.Ref, verb, body string) string {
	args := []string{string(ref.Kind), verb, ref.Path(), "--dry-run", "--token", m.tokens[role]}
	if verb == events.VerbRead {
		args = []string{"get", string(ref.Kind), ref.Path(), "--token", m.tokens[role]}
	} else {
		args = append(args, m.flags(ref, verb, body)...)
	}
	_, _, errs := runCLI(m.Context(), "", args...)
	_, said, _ := strings.Cut(errs, "error: ")
	code, _, _ := strings.Cut(said, ":")
	return code
}

// flags are a body as flags.
func (m *matrix) flags(ref events.Ref, verb, body string) (args []string) {
	var said map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &said); err != nil {
		m.Fatal(err, body)
	}
	for name, value := range said {
		switch name {
		case "spec":
			args = append(args, "--spec", string(value))
		default:
			args = append(args, "--"+name, strings.Trim(string(value), `"`))
		}
	}
	return args
}

// bodyOf is a body that the decoder takes.
func bodyOf(d events.Descriptor, v events.Verb, owner string) string {
	body := map[string]any{}
	for _, f := range v.Fields(d.Kind) {
		if f.Required() {
			body[f.Path] = fields[f.Path]
		}
	}
	if v.TakesSpec() {
		role := events.RoleViewer
		if owner != events.Platform {
			role = events.RoleCustomerViewer
		}
		spec := strings.NewReplacer("OWNER", owner, "ROLE", string(role)).Replace(specs[d.Kind])
		body["spec"] = json.RawMessage(spec)
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// whose are the things that are asked about: the customer's own, another's, the platform's; there, and nowhere.
func whose(d events.Descriptor) (refs []events.Ref) {
	for _, owner := range []string{"acme", "birch", events.Platform} {
		for _, name := range []string{"prod", "absent"} {
			ref := events.Ref{Kind: d.Kind, Owner: owner, ID: name}
			if d.Parent != "" {
				ref.ID = name + "_x"
			}
			switch {
			case d.Owner == events.ByItself:
				ref.ID = owner
			case d.Kind == events.Token && owner == "birch" && name == "prod":
				ref.ID = "ci"
			}
			if len(ref.Check()) == 0 {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

// TestTheMatrixOfRights asks, as each role, each verb of each kind, of what is the caller's, another's and nowhere, over NATS, HTTP and
// the command line. What is denied is what the table of rights says, everywhere the same.
func TestTheMatrixOfRights(t *testing.T) {
	m := newMatrix(t)
	cells := 0
	for _, d := range events.Builtin.All() {
		for _, v := range d.Verbs {
			for _, ref := range whose(d) {
				for _, role := range events.Roles {
					own := events.Platform
					if role.OfCustomer() {
						own = "acme"
					}
					may := d.May(role, v.Name).Includes(ref.Owner, own)
					for way, ask := range m.over() {
						cells++
						code := ask(role, ref, v.Name, bodyOf(d, v, ref.Owner))
						if way == "cli" && v.Name == events.VerbDelete && code == string(events.NotFound) && !may {
							code = string(events.Denied) // it looks first, and sees nothing
						}
						if (code == string(events.Denied)) == may {
							t.Errorf("%s asks %s of %s over %s: %q, and the table says %t", role, v.Name, ref, way, code, may)
						}
					}
				}
			}
		}
	}
	for _, d := range events.Builtin.All() {
		for _, ref := range whose(d) {
			for _, role := range events.Roles {
				own := events.Platform
				if role.OfCustomer() {
					own = "acme"
				}
				may := d.May(role, events.VerbRead).Includes(ref.Owner, own)
				for _, way := range []string{"http", "cli"} {
					cells++
					code := m.over()[way](role, ref, events.VerbRead, "")
					switch {
					case role.OfCustomer() && ref.Owner == events.Platform && len(d.Access.Shown) > 0: // TestWhatCustomersSeeOfThePlatform
					case may && code != "" && code != string(events.NotFound):
						t.Errorf("%s reads %s over %s: %q", role, ref, way, code)
					case !may && role.OfCustomer() && code != string(events.NotFound), !may && !role.OfCustomer() && code != string(events.Denied):
						t.Errorf("%s reads %s over %s: %q, and may not", role, ref, way, code)
					}
				}
			}
		}
	}
	for _, role := range events.Roles {
		for _, owner := range []string{"acme", "birch", events.Platform, "absent"} {
			cells++
			if code, may := m.readOverNATS(role, owner), !role.OfCustomer() || owner == "acme"; may && code != "" || !may && code != string(events.Denied) {
				t.Errorf("%s reads the events of %s over NATS: %q, and the table says %t", role, owner, code, may)
			}
		}
	}
	t.Log(cells, "cells")
}

// readOverNATS reads the events of an owner as a role, and returns the code of the refusal, or "". What the NATS server refuses gets
// no answer, and the connection is told of a violation.
func (m *matrix) readOverNATS(role events.Role, owner string) string {
	m.Helper()
	id, _, _ := events.SplitToken(m.tokens[role])
	refused := make(chan error, 1)
	nc, err := nats.Connect(os.Getenv("AERIE_NATS_URL"), nats.Token(m.tokens[role]), nats.CustomInboxPrefix("_INBOX."+id),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		m.Fatal(err)
	}
	defer nc.Close()
	answered, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		m.Fatal(err)
	}
	if err := nc.PublishRequest("aerie.read."+owner+".events", answered.Subject, []byte(`{"after":0,"limit":1000}`)); err != nil {
		m.Fatal(err)
	}
	said := make(chan *nats.Msg, 1)
	go func() {
		if a, err := answered.NextMsgWithContext(m.Context()); err == nil {
			said <- a
		}
	}()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			m.Fatal(role, owner, err)
		}
		return string(events.Denied)
	case a := <-said:
		var answer struct {
			Error *events.Refusal
			Items []struct{ Owner string }
		}
		if err := json.Unmarshal(a.Data, &answer); err != nil {
			m.Fatal(string(a.Data), err)
		}
		for _, e := range answer.Items {
			if e.Owner != owner {
				m.Errorf("%s reads an event of %s among those of %s", role, e.Owner, owner)
			}
		}
		if answer.Error != nil {
			return string(answer.Error.Code)
		}
		if len(answer.Items) == 0 && owner != "absent" {
			m.Errorf("%s reads no events of %s: %s", role, owner, a.Data)
		}
		return ""
	case <-time.After(20 * time.Second):
		m.Fatal(role, owner, "no answer")
		return ""
	}
}

// The actor of an event is who authenticated, over each way, also of a command that waited in the queue.
func TestTheActorIsWhoAuthenticated(t *testing.T) {
	m := newMatrix(t)
	id, _, _ := events.SplitToken(m.tokens[events.RoleCustomerAdmin])
	ref := events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
	label := func(n string) string { return `{"labels":{"n":"` + n + `"}}` }
	if code, _, errs := runCLI(t.Context(), "", "tenant", "update", "acme/prod", "--label", "n=cli", "--token", m.tokens[events.RoleCustomerAdmin]); code != 0 {
		t.Fatal(errs)
	}
	nc, err := nats.Connect(os.Getenv("AERIE_NATS_URL"), nats.Token(m.tokens[events.RoleCustomerAdmin]), nats.CustomInboxPrefix("_INBOX."+id))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	heard, err := nc.SubscribeSync("aerie.evt.acme.>")
	if err != nil {
		t.Fatal(err)
	}
	forged := nats.Header{"Nats-Request-Info": {`{"acc":"PEOPLE","user":"admin"}`}, "nats-request-info": {`{"acc":"PEOPLE","user":"admin"}`},
		events.HeaderCaller: {`{"actor":"admin","role":"admin","owner":"-"}`}, "aerie-caller": {`{"actor":"admin","role":"admin","owner":"-"}`}}
	for subject, n := range map[string]string{"aerie.cmd.": "nats", "aerie.queue.": "queue"} {
		answer, err := nc.RequestMsg(&nats.Msg{Subject: subject + ref.Tokens() + ".update", Header: forged, Data: []byte(label(n))}, 10*time.Second)
		if err != nil || strings.Contains(string(answer.Data), "error") {
			t.Fatal(err, string(answer.Data))
		}
	}
	var last uint64
	for range 2 {
		e, err := heard.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if actor := e.Header.Get("ce-actor"); actor != events.TokenActor(id) {
			t.Errorf("%s by %s", e.Subject, actor)
		}
		if last, err = strconv.ParseUint(e.Header.Get(jetstream.SequenceHeader), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.client(events.RoleAdmin).Entity(t.Context(), ref, last); err != nil { // until reads know of what was heard
		t.Fatal(err)
	}
	code, said, errs := runCLI(t.Context(), "", "history", "tenant", "acme/prod", "-o", "json")
	if n := strings.Count(said, fmt.Sprintf("%q", events.TokenActor(id))); code != 0 || n != 3 {
		t.Errorf("%d events by the token, want 3: %s%s", n, said, errs)
	}
}

// A token that is revoked is out at once: of what it has open, and of what comes.
func TestARevokedTokenIsThrownOut(t *testing.T) {
	m := newMatrix(t)
	for _, role := range []events.Role{events.RoleCustomerViewer, events.RoleAuditor} {
		id, _, _ := events.SplitToken(m.tokens[role])
		nc, err := nats.Connect(os.Getenv("AERIE_NATS_URL"), nats.Token(m.tokens[role]), nats.CustomInboxPrefix("_INBOX."+id), nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		closed := nc.StatusChanged(nats.CLOSED)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, os.Getenv("AERIE_API_URL")+"/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+m.tokens[role])
		r.Header.Set("Accept", "text/event-stream")
		stream, err := http.DefaultClient.Do(r)
		if err != nil || stream.StatusCode != http.StatusOK {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, stream.Body)
			_ = stream.Body.Close()
			close(ended)
		}()
		began := time.Now()
		if code, _, errs := runCLI(t.Context(), "", "auth", "tokens", "revoke", "of-"+string(role)); code != 0 {
			t.Fatal(errs)
		}
		<-closed
		<-ended
		if took := time.Since(began); took > 2*time.Second {
			t.Error("it took", took)
		}
		if _, err := nats.Connect(os.Getenv("AERIE_NATS_URL"), nats.Token(m.tokens[role])); !errors.Is(err, nats.ErrAuthorization) {
			t.Error("it is let in again:", err)
		}
		if code, _, errs := runCLI(t.Context(), "", "auth", "whoami", "--token", m.tokens[role]); code != client.ExitRefused {
			t.Error(code, errs)
		}
	}
}
