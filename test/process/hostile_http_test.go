package process

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/testbudget"
)

// What is another's here has canary in its name: no answer to acme's people may have it that was not asked for by that name. What
// stands for it where nothing is has another word of the same length, so that answers of both can be compared to the byte.
const (
	canary  = "xq7vault"
	nowhere = "zk9vault"
	noHash  = "0000000000000000000000000000000000000000000000000000000000000000"
)

// theirs is a platform with two customers: acme, whose people are hostile, and another one.
const theirs = `
{kind: account, name: main, spec: {cloud: sim, number: "1"}}
---
{kind: account, name: xq7vault, spec: {cloud: sim, number: "2"}}
---
{kind: plan, name: free, spec: {deployment: resource-shared, apps: [{type: pg, size: small}], move: {data: none, to: [gold, xq7vault-draft, xq7vault-plan]}}}
---
{kind: plan, name: gold, spec: {deployment: resource-shared, apps: [{type: pg, size: small}]}}
---
{kind: plan, name: xq7vault-draft, spec: {draft: true, deployment: resource-shared, apps: [{type: pg, size: small}]}}
---
{kind: dataplane, name: eu, spec: {account: -/main, region: eu-central, systemPool: {machine: s2, min: 1, max: 1}}}
---
{kind: dataplane, name: xq7vault, spec: {account: -/xq7vault, region: us-east, systemPool: {machine: s2, min: 1, max: 1}}}
---
{kind: tenantinfra, name: eu_pg, spec: {app: pg, size: small, pools: [{name: a, machine: s2, min: 1, max: 1}], cells: {tenants: 20}}}
---
{kind: tenantinfra, name: xq7vault_pg, spec: {app: pg, size: small, pools: [{name: a, machine: s2, min: 1, max: 1}], cells: {tenants: 20}}}
---
{kind: customer, name: acme}
---
{kind: customer, name: xq7vault}
---
{kind: plan, name: xq7vault-plan, spec: {customers: [xq7vault], deployment: resource-shared, apps: [{type: pg, size: small}]}}
---
{kind: tenant, name: prod, owner: acme, labels: {tier: gold}, spec: {plan: free, region: eu-central}}
---
{kind: tenant, name: xq7vault, owner: xq7vault, labels: {tier: xq7vault}, spec: {plan: xq7vault-plan, region: us-east}}
---
{kind: application, name: xq7vault_web, owner: xq7vault, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}]}}
---
{kind: application, name: prod_web, owner: acme, spec: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}]}}
---
{kind: account, name: xq7vault, owner: xq7vault, spec: {cloud: sim, number: "3", hosting: customer, role: r, externalId: x}}
---
{kind: token, name: xq7vault, owner: xq7vault, spec: {role: customer-viewer, hash: "` + noHash + `", expires: "2040-01-01T00:00:00Z"}}
---
{kind: token, name: xq7vault, spec: {role: viewer, hash: "` + noHash + `", expires: "2040-01-01T00:00:00Z"}}
---
{kind: repository, name: xq7vault, owner: xq7vault, spec: {url: "oci://r.example.com/x", password: {secretRef: {store: vault, name: charts, key: password}}}}
`

// intruder is somebody of acme's with a valid token, and what he must not change.
type intruder struct {
	*testing.T
	p       *process
	as      string // the role of the token
	token   string
	bases   string             // what others have, before the attempt
	streams []jetstream.Stream // that of events first
	tried   int
	took    map[bool][]time.Duration // of questions about what is there, and about what is nowhere
}

// attempt is a request that is none of acme's business.
type attempt struct {
	method, path, body string
	headers            []string            // names and values in turn
	verify             func(answer) string // what is wrong with the answer; nil: it must say no
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// send sends a request as it is, with the intruder's token unless it has one of its own.
func (i *intruder) send(a attempt) answer {
	i.Helper()
	r, err := http.NewRequestWithContext(i.Context(), a.method, i.p.apiURL+a.path, strings.NewReader(a.body))
	if err != nil {
		i.Fatal(a.path, err)
	}
	r.Header.Set("Authorization", "Bearer "+i.token)
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(a.headers); n += 2 {
		r.Header.Add(a.headers[n], a.headers[n+1])
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		i.Fatal(a.method, a.path, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		i.Fatal(a.method, a.path, err)
	}
	return answer{res.StatusCode, res.Header, string(data)}
}

// instead has an attempt name what is nowhere, in the place of what is another's; also inside cursors.
func (a attempt) instead() attempt {
	b := a
	b.path, b.body, b.headers = swapped(a.path), swapped(a.body), slices.Clone(a.headers)
	for n := range b.headers {
		b.headers[n] = swapped(b.headers[n])
	}
	return b
}

// swapped is a text that says nowhere where it said canary, in all forms in which attempts say it.
func swapped(s string) string {
	var forms []string
	for _, c := range cursors {
		forms = append(forms, cursorOf(c), cursorOf(strings.ReplaceAll(c, canary, nowhere)))
	}
	return strings.NewReplacer(append(forms, canary, nowhere, "%78q7vault", "%7Ak9vault", "%2578q7vault", "%257Ak9vault")...).Replace(s)
}

// cursors are places in lists of others, as their cursors say them.
var cursors = []string{"tenant " + canary + " " + canary + " 0 name ", "plan - " + canary + "-draft 0 name ", "tenant acme " + canary + " 7 created ", "tenant " + canary + " " + canary + " 5  "}

// names tells whether the request itself says the canary.
func (a attempt) names() bool {
	return strings.Contains(strings.ReplaceAll(a.path, "%78", "x")+a.body+strings.Join(a.headers, " "), canary)
}

// try makes an attempt, once about what is another's and once about what is nowhere: both are answered alike, with nothing of another's in
// it, and nothing of another's has become different.
func (i *intruder) try(a attempt) {
	i.Helper()
	i.tried++
	what := fmt.Sprintf("%s: %s %s %s %q", i.as, a.method, a.path, a.body, a.headers)
	begun := time.Now()
	there := i.send(a)
	i.took[true] = append(i.took[true], time.Since(begun))
	begun = time.Now()
	not := i.send(a.instead())
	i.took[false] = append(i.took[false], time.Since(begun))
	if said := swapped(there.body); there.status != not.status || sealless(said) != sealless(not.body) {
		i.Errorf("%s\n  is answered       %s\n  and of nothing is %s", what, there, not)
	}
	for name := range there.header {
		if name != "Date" && name != "Etag" && name != "Aerie-As-Of-Seq" && name != "Aerie-As-Of-Time" && there.header.Get(name) != not.header.Get(name) {
			i.Errorf("%s: header %s is %q, and of nothing %q", what, name, there.header.Get(name), not.header.Get(name))
		}
	}
	switch {
	case a.verify != nil:
		if wrong := a.verify(there); wrong != "" {
			i.Errorf("%s: %s: %s", what, wrong, there)
		}
	case there.status < 400 || there.status >= 500:
		i.Errorf("%s is answered %s", what, there)
	}
	if !a.names() && strings.Contains(there.body, canary) || strings.Contains(there.body, "token:"+canary) {
		i.Errorf("%s tells of others: %s", what, there)
	}
	if now := i.others(); now != i.bases {
		i.Fatalf("%s has changed what others have:\n%s\nwas\n%s", what, now, i.bases)
	}
}

// sealless is a body without what differs from one question to the next: the ids that commands are given, and how far the log is.
func sealless(body string) string {
	var v map[string]any
	if json.Unmarshal([]byte(body), &v) != nil {
		return body
	}
	delete(v, "as_of")
	delete(v, "command_id")
	data, _ := json.Marshal(v)
	return string(data)
}

// others is all that is not acme's: how many events of whom there are, the configuration of the streams, and what each list says to the
// admin.
func (i *intruder) others() string {
	i.Helper()
	var b strings.Builder
	for _, s := range i.streams {
		info, err := s.Info(i.Context())
		if err != nil {
			i.Fatal(err)
		}
		config, _ := json.Marshal(info.Config)
		fmt.Fprintf(&b, "%s\n", config)
		if info.Config.Name == "AERIE_QUEUE" {
			fmt.Fprintln(&b, info.State.LastSeq)
		}
	}
	for _, owner := range []string{canary, events.Platform} {
		info, err := i.streams[0].Info(i.Context(), jetstream.WithSubjectFilter("aerie.evt."+owner+".>"))
		if err != nil {
			i.Fatal(err)
		}
		for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
			fmt.Fprintln(&b, subject, info.State.Subjects[subject])
		}
	}
	for _, d := range events.Builtin.All() {
		_, body := i.p.http("/v1/" + d.Plural + "?limit=1000")
		var list struct{ Items []map[string]any }
		if err := json.Unmarshal(body, &list); err != nil {
			i.Fatal(string(body))
		}
		for _, item := range list.Items {
			if item["owner"] != "acme" {
				delete(item["status"].(map[string]any), "observed") // clocks run in there
				line, _ := json.Marshal(item)
				fmt.Fprintf(&b, "%s\n", line)
			}
		}
	}
	return b.String()
}

// generated are attempts by what the server says it serves: each route about what is another's, with each parameter that it has; and each
// command of each kind about what is another's and the platform's.
func generated(t *testing.T, document []byte) (all []attempt) {
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	fine := func(a answer) string { return "" } // what it says is compared with what nothing says
	asked := map[string][]string{
		"owner": {canary, "-", "acme%00", "*", "%3E"}, "dataplane": {"-/" + canary, canary, "-/eu%2F"}, "plan": {canary + "-draft", canary + "-plan", "-/" + canary + "-plan"},
		"label": {"tier=" + canary, canary, "!" + canary, "tier+in+(" + canary + ")"}, "q": {canary}, "id": {canary}, "actor": {"token:" + canary},
		"cursor": {cursorOf(cursors[0]), cursorOf(cursors[1]), cursorOf(cursors[2])},
		"at":     {"1", "3", "2020-01-01T00:00:00Z", canary}, "min_seq": {"1"}, "sort": {"-seq", "created", canary}, "kind": {"token", canary}, "type": {"activated", canary},
		"after": {"0", "1"}, "limit": {"1"}, "since": {"2020-01-01T00:00:00Z"}, "until": {"2020-01-01T00:00:00Z"}, "phase": {"Active", canary}, "account": {canary}, "verb": {"delete"},
		"region": {canary}, "state": {"running", canary}, "fields": {"spec"}, "access_token": {canary}, "token": {canary}, "watch": {"true"},
	}
	for path, methods := range doc.Paths {
		if strings.HasPrefix(path, "/v1/commands/") || !strings.HasPrefix(path, "/v1/") || path == "/v1/local-token/enable" {
			continue
		}
		for method, op := range methods {
			for _, owner := range []string{canary, "-", "acme"} {
				about := strings.NewReplacer("{owner}", owner, "{id}", canary, "{name}", canary, "{seq}", "1", "{verb}", "delete", "{kind}", "tenant").Replace(path)
				if strings.HasPrefix(path, "/v1/customers/") && owner != canary {
					continue
				}
				method := strings.ToUpper(method)
				all = append(all, attempt{method: method, path: about, verify: fine})
				if method != http.MethodGet {
					continue
				}
				for name, values := range asked {
					has := slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.In == "query" && p.Name == name })
					for n, value := range values {
						if has || n == 0 && owner == canary {
							all = append(all, attempt{method: method, path: about + "?" + name + "=" + value, verify: fine})
						}
					}
				}
			}
		}
	}
	for _, d := range events.Builtin.All() {
		for _, verb := range d.Verbs {
			for _, owner := range []string{canary, "-"} {
				id := canary
				switch {
				case d.Owner == events.ByItself && owner == "-":
					continue
				case d.Parent != "" && len(d.Above) > 0:
					id = canary + "_pg_c0"
				case d.Parent != "":
					id = canary + "_web"
				}
				path, says := "/v1/commands/"+owner+"/"+string(d.Kind)+"/"+id+"/"+verb.Name, denied
				if len((events.Ref{Kind: d.Kind, Owner: owner, ID: id}).Check()) > 0 { // that no such thing can be is said to all alike
					says = saysNo
				}
				all = append(all, attempt{method: http.MethodPost, path: path, body: `{}`, verify: says},
					attempt{method: http.MethodPost, path: path, body: `{"spec":{}}`, headers: []string{"Aerie-Dry-Run", "true", "Aerie-Expected-Seq", "1"}, verify: says})
			}
		}
	}
	name := func(a attempt) string { return a.path + " " + a.method + " " + a.body }
	slices.SortFunc(all, func(a, b attempt) int { return strings.Compare(name(a), name(b)) })
	return slices.CompactFunc(all, func(a, b attempt) bool { return name(a) == name(b) })
}

func denied(a answer) string {
	if a.status != http.StatusForbidden {
		return "want 403"
	}
	return ""
}

func cursorOf(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func notFound(a answer) string {
	if a.status != http.StatusNotFound {
		return "want 404"
	}
	return ""
}

func saysNo(a answer) string {
	if a.status < 400 || a.status > 422 {
		return "want a refusal"
	}
	return ""
}

// written are attempts that people think of.
func written() (all []attempt) {
	get := func(verify func(answer) string, paths ...string) {
		for _, path := range paths {
			all = append(all, attempt{method: http.MethodGet, path: path, verify: verify})
		}
	}
	get(saysNo, "/v1/tenants/%78q7vault/xq7vault", "/v1/tenants/xq7vault%2Fxq7vault", "/v1/tenants/acme/..%2Fxq7vault%2Fxq7vault", "/v1/tenants/acme/../xq7vault/xq7vault",
		"/v1/tenants/acme%2F..%2Fxq7vault/xq7vault", "/v1//tenants/xq7vault/xq7vault", "/v1/tenants//xq7vault", "/v1/tenants/xq7vault/xq7vault/", "/v1/tenants/xq7vault/xq7vault%00",
		"/v1/tenants/xq7vault;acme/xq7vault", "/v1/tenants/acme;owner=xq7vault/xq7vault", "/v1/TENANTS/xq7vault/xq7vault", "/V1/tenants/xq7vault/xq7vault", "/v1/tenants/XQ7vault/xq7vault",
		"/v1/tenants/xq7vault%20/xq7vault", "/v1/tenants/%2578q7vault/xq7vault", "/v1/tenants/xq7vault/xq7vault/history/", "/v1/customers/acme%2Fxq7vault", "/v1/customers/acme%2f..%2fxq7vault",
		"/v1/tenants/acme/xq7vault", "/v1/plans/acme/xq7vault-draft", "/v1/plans/-/%78q7vault-draft", "/v1/plans/-%2Fxq7vault-draft", "/v1/tenants/xq7vault/xq7vault/place?plan=free",
		"/v1/tenants/acme/prod/place?plan=xq7vault-draft", "/v1/orphans?account=-/xq7vault", "/v1/queue", "/v1/keys", "/v1/people", "/metrics", "/debug/pprof/", "/v1/events/1", "/v1/events?owner=xq7vault",
		"/v1/tenants?owner=acme&owner=xq7vault", "/v1/tenants?Owner=xq7vault", "/v1/tenants?owner=acme%26owner=xq7vault", "/v1/tenants?owner[]=xq7vault", "/v1/tenants?owner=",
		"/v1/tenants?fields=status", "/v1/tenants?limit=1000000", "/v1/tenants?limit=-1", "/v1/tenants?at=99999999", "/v1/tenants?label="+strings.Repeat("a", 5000), "/v1/tenants?q="+strings.Repeat("x", 8000),
		"/v1/tenants?label="+strings.Repeat("a,", 40)+"b&label="+strings.Repeat("b,", 40)+"c&cursor=xq7vault", "/v1/tenants?cursor="+cursorOf(cursors[0]),
		"/v1/tenants/acme/prod/history?cursor="+cursorOf(cursors[3]), "/v1/tenants?plan=xq7vault-draft", "/v1/tenants?plan=xq7vault-plan", "/v1/tenants?dataplane=-/xq7vault")
	get(notFound, "/v1/tenants/xq7vault/xq7vault", "/v1/tenants/xq7vault/xq7vault/history", "/v1/tenants/xq7vault/xq7vault?at=99999999", "/v1/tenants/xq7vault/xq7vault?min_seq=99999999", "/v1/tenants/xq7vault/xq7vault?at=1",
		"/v1/plans/-/xq7vault-draft", "/v1/plans/-/xq7vault-draft?at=20", "/v1/plans/-/xq7vault-draft/versions", "/v1/plans/-/xq7vault-draft/history", "/v1/plans/-/xq7vault-plan", "/v1/plans/-/xq7vault-plan/versions",
		"/v1/dataplanes/-/xq7vault", "/v1/dataplanes/-/xq7vault?at=30", "/v1/dataplanes/-/xq7vault/history", "/v1/accounts/-/xq7vault", "/v1/tokens/-/xq7vault", "/v1/tokens/xq7vault/xq7vault", "/v1/customers/xq7vault")
	own := func(a answer) string { return want(a, http.StatusOK, `"owner":"acme"`) }
	get(own, "/v1/tenants?q=acme", "/v1/tenants?sort=-created&limit=1", "/v1/events?limit=1000", "/v1/events?after=0&limit=3", "/v1/tenants?label=!xq7vault", "/v1/tenants?label=tier!=xq7vault")
	nothingOf := func(a answer) string { return want(a, http.StatusOK, `"items":[]`) }
	get(nothingOf, "/v1/tenants?q=xq7vault", "/v1/tenants?label=tier=xq7vault", "/v1/tenants?label=tier+in+(xq7vault)", "/v1/plans?q=xq7vault", "/v1/dataplanes?q=xq7vault", "/v1/events?id=xq7vault",
		"/v1/events?actor=token:xq7vault", "/v1/accounts?q=xq7vault", "/v1/plans?phase=Draft", "/v1/customers?q=xq7vault")
	// What is shown fills pages, and cursors name nothing else.
	get(func(a answer) string {
		var l struct {
			Items []any
			Next  *string
		}
		_ = json.Unmarshal([]byte(a.body), &l)
		if l.Next != nil {
			text, _ := base64.RawURLEncoding.DecodeString(*l.Next)
			if strings.Contains(string(text), canary) {
				return "the cursor names another's: " + string(text)
			}
		}
		if len(l.Items) != 2 || l.Next != nil {
			return "want the two plans that there are for acme, on one page"
		}
		return ""
	}, "/v1/plans?limit=2", "/v1/plans?limit=2&sort=-name", "/v1/plans?limit=2&sort=created", "/v1/plans?limit=2&sort=-seq")

	headers := [][]string{
		{"Nats-Request-Info", `{"acc":"PEOPLE","user":"admin"}`}, {"Aerie-Caller", `{"actor":"admin","role":"admin","owner":"-"}`}, {"Aerie-Actor", "admin"}, {"Ce-Actor", "admin"},
		{"X-Forwarded-For", "127.0.0.1"}, {"Forwarded", "for=127.0.0.1;host=localhost"}, {"X-Forwarded-User", "admin"}, {"X-Remote-User", "admin"}, {"X-Original-Url", "/v1/tenants/xq7vault/xq7vault"},
		{"X-Rewrite-Url", "/v1/tenants/xq7vault/xq7vault"}, {"X-Http-Method-Override", "DELETE"}, {"X-Http-Method", "DELETE"}, {"Impersonate-User", "admin"}, {"Impersonate-Group", "system:masters"},
		{"Cookie", "token=admin; owner=xq7vault"}, {"Authorization", "Bearer xq7vault"}, {"Proxy-Authorization", "Basic YWRtaW46YWRtaW4="}, {"Range", "bytes=0-10"}, {"If-None-Match", "*"}, {"If-Match", "*"},
		{"If-None-Match", `W/"xq7vault"`}, {"If-Modified-Since", "Mon, 30 Nov 2026 00:00:00 GMT"}, {"If-Range", "*"}, {"Accept", "text/event-stream"}, {"Accept", "text/event-stream;q=0, */*"}, {"Last-Event-Id", "0"},
		{"Accept-Encoding", "gzip"}, {"Transfer-Encoding", "identity"}, {"Upgrade", "websocket"}, {"Origin", "https://xq7vault.example.com"}, {"Sec-Fetch-Site", "cross-site"}, {"Aerie-Dry-Run", "true"}, {"Nats-Msg-Id", "xq7vault"},
	}
	for _, h := range headers {
		all = append(all, attempt{method: http.MethodGet, path: "/v1/tenants/xq7vault/xq7vault", headers: h, verify: notFound},
			attempt{method: http.MethodGet, path: "/v1/events?owner=xq7vault", headers: h, verify: denied},
			attempt{method: http.MethodPost, path: "/v1/commands/xq7vault/tenant/xq7vault/suspend", body: "{}", headers: h, verify: denied})
	}
	for _, method := range []string{http.MethodHead, http.MethodOptions, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodTrace, http.MethodConnect, "PROPFIND", "XQ"} {
		for _, path := range []string{"/v1/tenants/xq7vault/xq7vault", "/v1/plans/-/xq7vault-draft", "/v1/events?owner=xq7vault", "/v1/tenants?owner=xq7vault", "/v1/keys/xq7vault", "/v1/people/xq7vault/xq7vault", "/v1/queue/1"} {
			all = append(all, attempt{method: method, path: path, verify: saysNo})
		}
	}
	return append(all, bodies()...)
}

// bodies are commands of acme's own things that name what is another's.
func bodies() (all []attempt) {
	for _, row := range []struct{ path, body string }{
		{"acme/tenant/one/create", `{"spec":{"plan":"-/free"},"owner":"xq7vault"}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/free","owner":"xq7vault"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/free"},"spec":{"plan":"-/xq7vault-plan"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/xq7vault-draft"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/xq7vault-draft","app":"nosuch"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/xq7vault-plan"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/xq7vault-plan","app":"nosuch"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/xq7vault-plam"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"-/xq7vault-dralt"}}`},
		{"acme/tenant/one/create", `{"spec":{"plan":"xq7vault/free"}}`},
		{"acme/tenant/prod/update", `{"spec":{"plan":"-/xq7vault-plan"}}`},
		{"acme/tenant/prod/update", `{"spec":{"plan":"-/xq7vault-draft"}}`},
		{"acme/tenant/prod/move", `{"plan":"-/xq7vault-draft"}`},
		{"acme/tenant/prod/move", `{"plan":"-/xq7vault-plan"}`},
		{"acme/tenant/prod/move", `{"plan":"xq7vault-plan@1"}`},
		{"acme/tenant/prod/move", `{"plan":"-/xq7vault-plam"}`},
		{"acme/tenant/prod/move", `{"dataplane":"-/xq7vault"}`},
		{"acme/tenant/prod/move", `{"dataplane":"-/eu"}`},
		{"acme/tenant/prod/move", `{"dataplane":"xq7vault/xq7vault"}`},
		{"acme/tenant/prod/move", `{"cell":"-/xq7vault/pg/c0"}`},
		{"acme/tenant/prod/move", `{"cell":"-/eu/pg/c0"}`},
		{"acme/tenant/xq7vault/delete", `{}`},
		{"acme/tenant/xq7vault/move", `{"plan":"free"}`},
		{"acme/application/prod_other/create", `{"spec":{"manifests":[],"owner":"xq7vault"}}`},
		{"acme/application/xq7vault_web/create", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}]}}`},
		{"acme/dataplane/mine/create", `{"spec":{"account":"-/xq7vault","region":"eu-central"}}`},
		{"acme/dataplane/mine/create", `{"spec":{"account":"-/main","region":"eu-central"}}`},
		{"acme/dataplane/mine/create", `{"spec":{"account":"xq7vault/xq7vault","region":"eu-central"}}`},
		{"acme/dataplane/mine/attach", `{"customer":"xq7vault"}`},
		{"acme/tenantinfra/xq7vault_pg/create", `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"s2"}]}}`},
		{"acme/addon/xq7vault_dns/create", `{"spec":{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}]}}`},
		{"acme/account/lab/create", `{"spec":{"cloud":"sim","number":"2"}}`},
		{"acme/account/lab/create", `{"spec":{"cloud":"sim","number":"3","hosting":"provider"}}`},
		{"acme/agent/edge/create", `{"spec":{"dataplanes":["xq7vault"]}}`},
		{"acme/token/up/create", `{"spec":{"role":"admin","hash":"` + noHash + `","expires":"2040-01-01T00:00:00Z"}}`},
		{"acme/token/up/create", `{"spec":{"role":"viewer","hash":"` + noHash + `","expires":"2027-01-01T00:00:00Z"}}`},
		{"acme/principal/up/create", `{"spec":{"role":"operator","key":"UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}`},
		{"acme/token/xq7vault/revoke", `{}`},
		{"acme/customer/acme/update", `{"spec":{"tenants":1000}}`},
		{"acme/customer/acme/delete", `{"cascade":true}`},
		{"acme/plan/mine/create", `{"spec":{"deployment":"resource-shared","apps":[{"type":"pg","size":"small"}]}}`},
		{"acme/cell/eu_pg_c0/drain", `{}`},
		{"acme/repository/mine/create", `{"spec":{"url":"oci://r.example.com/x","password":{"secretRef":{"store":"env","name":"token","key":"value"}},"owner":"xq7vault"}}`},
		{"acme/tenant/prod/adopt", `{"uid":"01J8ZQ6M3N4P5R6S7T8V9W0X1Y","dataplane":"-/xq7vault","spec":{"plan":"-/free"}}`},
		{"acme/command/xq7vault/create", `{}`},
		{"acme/xq7vault/one/create", `{}`},
		{"acme%2F..%2Fxq7vault/tenant/xq7vault/delete", `{}`},
		{"%78q7vault/tenant/xq7vault/delete", `{}`},
		{"acme/tenant/xq7vault%2Fxq7vault/delete", `{}`},
		{"*/tenant/xq7vault/delete", `{}`},
		{"acme.xq7vault/tenant/xq7vault/delete", `{}`},
		{"xq7vault.tenant.xq7vault.delete/tenant/xq7vault/delete", `{}`},
		{"acme/tenant/one/create", strings.Repeat("x", 300<<10)},
		{"acme/tenant/one/create", strings.Repeat("[", 10000)},
	} {
		for _, headers := range [][]string{nil, {"Aerie-Dry-Run", "true"}, {"Aerie-Expected-Uid", canary}} {
			all = append(all, attempt{method: http.MethodPost, path: "/v1/commands/" + row.path, body: row.body, headers: headers, verify: saysNo})
		}
	}
	return all
}

func want(a answer, status int, text string) string {
	if a.status != status || !strings.Contains(a.body, text) {
		return fmt.Sprintf("want %d with %s", status, text)
	}
	return ""
}

// TestAHostileCustomerOverHTTP has people of a customer, with valid tokens, ask the program for what is another's and the platform's, in all
// the ways that its own documents and tables name and in those that people think of.
func TestAHostileCustomerOverHTTP(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "600")
	p.also = []string{"--budget", "100000/1000/1000"}
	p.start()
	file := filepath.Join(t.TempDir(), "theirs.yaml")
	if err := os.WriteFile(file, []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := p.cli("apply", "-f", file, "--wait", "--timeout", "4m"); s.code != 0 {
		t.Fatalf("%+v\n%s", s, p.log)
	}
	admin, err := os.ReadFile(filepath.Join(p.dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(p.natsURL, nats.Token(strings.TrimSpace(string(admin))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var streams []jetstream.Stream
	for _, name := range []string{"AERIE_EVENTS", "AERIE_QUEUE", "AERIE_WORK", "AERIE_TIMERS"} {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	_, document := p.http("/openapi.json")
	for _, role := range []events.Role{events.RoleCustomerAdmin, events.RoleCustomerViewer} {
		s := p.cli("auth", "tokens", "create", "--name", "evil-"+string(role), "--role", string(role), "--owner", "acme", "-o", "json", "--ttl", "100h")
		var made struct{ Token string }
		if err := json.Unmarshal([]byte(s.out), &made); err != nil || made.Token == "" {
			t.Fatalf("%+v", s)
		}
		i := &intruder{T: t, p: p, as: string(role), token: made.Token, streams: streams, took: map[bool][]time.Duration{}}
		i.bases = i.others()
		if role.Commands() {
			every := testbudget.Of(t, testbudget.HostileHTTP, 0)
			first := rand.IntN(every)
			t.Logf("each %d. of what follows from the tables, from the %d. on", every, first)
			for n, a := range generated(t, document) {
				if n%every == first {
					i.try(a)
				}
			}
			i.types()
		}
		for _, a := range written() {
			i.try(a)
		}
		i.listens()
		middle := func(all []time.Duration) time.Duration { slices.Sort(all); return all[len(all)/2] }
		t.Logf("%s: %d attempts, in the middle %s about what is another's and %s about what is nowhere", role, i.tried, middle(i.took[true]), middle(i.took[false]))
	}
}

// types has the intruder use the command line, which hints and completes by what it is told, over HTTP and NATS.
func (i *intruder) types() {
	i.Helper()
	run := func(args ...string) string {
		cmd := aerie(i.Context(), args...)
		cmd.Env = append(cmd.Env, "AERIE_API_URL="+i.p.apiURL, "AERIE_NATS_URL="+i.p.natsURL, "AERIE_TOKEN="+i.token)
		s := finish(cmd)
		return s.out + s.err
	}
	plans := false
	for _, args := range [][]string{{"__complete", "get", "plan", ""}, {"__complete", "get", "plan", "x"}, {"__complete", "tenant", "create", "acme/one", "--plan", ""}, {"__complete", "tenant", "move", "acme/prod", "--plan", ""},
		{"__complete", "tenant", "move", "acme/prod", "--dataplane", ""}, {"__complete", "get", "tenants", "--label", ""}, {"__complete", "tail", "--owner", ""}, {"explain", "plan"}, {"explain", "tenant.spec.plan"}, {"get", "plans"},
		{"get", "dataplanes"}, {"get", "all"}, {"get", "tenants", "-A"}, {"describe", "tenant", "acme/prod"}, {"why", "tenant", "acme/prod"}, {"auth", "whoami"},
		{"get", "plan", "xq7vault-draft"}, {"get", "plan", "xq7vault-dralt"}, {"describe", "plan", "xq7vault-plan"}, {"plan", "versions", "xq7vault-draft"}, {"diff", "plan", "xq7vault-draft", "--from", "1", "--to", "2"},
		{"tenant", "create", "acme/one", "--plan", "xq7vault-draft"}, {"tenant", "create", "acme/one", "--plan", "xq7vault-draft", "--dry-run"}, {"tenant", "create", "acme/one", "--plan", "xq7vault-plam"},
		{"tenant", "move", "acme/prod", "--plan", "xq7vault-draft", "--dry-run"}, {"tenant", "move", "acme/prod", "--dataplane", "xq7vault", "--dry-run"}, {"tenant", "place", "acme/prod", "--plan", "xq7vault-draft", "--dry-run"},
		{"get", "tenant", "xq7vault/xq7vault"}, {"get", "tenants", "--owner", "xq7vault"}, {"delete", "tenant", "xq7vault/xq7vault"}} {
		i.tried++
		var other []string
		for _, a := range args {
			other = append(other, swapped(strings.ReplaceAll(a, "xq7vault-dralt", "zk9vault-dralt")))
		}
		there := run(args...)
		plans = plans || args[0] == "__complete" && strings.Contains(there, "gold")
		if names := slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, canary) }); !names && strings.Contains(there, canary) {
			i.Errorf("%s: aerie %s tells of others: %s", i.as, args, there)
		} else if not := run(other...); names && swapped(there) != not {
			i.Errorf("%s: aerie %s says\n%sand of nothing\n%s", i.as, args, there, not)
		}
	}
	if !plans {
		i.Errorf("%s: nothing completes a plan that is there", i.as)
	}
	if now := i.others(); now != i.bases {
		i.Errorf("the command line has changed what others have:\n%s\nwas\n%s", now, i.bases)
	}
}

// listens opens a stream of all events that the intruder gets, and has something happen of another's and then of acme's: it hears the
// latter alone.
func (i *intruder) listens() {
	i.Helper()
	r, err := http.NewRequestWithContext(i.Context(), http.MethodGet, i.p.apiURL+"/v1/events?limit=1", nil)
	if err != nil {
		i.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+i.token)
	r.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		i.Fatal(res, err)
	}
	defer res.Body.Close()
	for _, tenant := range []string{canary + "/" + canary, "acme/prod"} {
		if s := i.p.cli("tenant", "update", tenant, "--label", "heard="+i.as); s.code != 0 {
			i.Fatalf("%+v", s)
		}
	}
	heard, err := io.ReadAll(res.Body) // it ends after one event
	if err != nil || !bytes.Contains(heard, []byte(`"owner":"acme"`)) || bytes.Contains(heard, []byte(canary)) {
		i.Errorf("%s hears %v %s", i.as, err, heard)
	}
}
