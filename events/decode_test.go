package events_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/events"
)

// faultsOf lists "field: message" for every fault of a refusal.
func faultsOf(t *testing.T, err error) (faults []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	var r *events.Refusal
	if !errors.As(err, &r) || r.Code != events.Invalid {
		t.Fatalf("want a refusal of code invalid, got %v", err)
	}
	for _, d := range r.Details {
		faults = append(faults, d.Field+": "+d.Message)
	}
	return faults
}

const aPlan = `{"spec":{"deployment":"resource-shared","apps":[{"type":"postgres","size":"small"}]}}`

func TestDecodingNamesEveryFault(t *testing.T) {
	rows := []struct {
		name string
		kind events.Kind
		verb string
		body string
		want []string // parts of the faults, in their order; none: it decodes
	}{
		{"a customer needs nothing", events.Customer, "create", ``, nil},
		{"an empty object is enough for a customer", events.Customer, "create", `{}`, nil},
		{"null is absent", events.Customer, "create", `{"labels":null,"spec":{"displayName":null}}`, nil},
		{"a whole plan", events.Plan, "create", aPlan, nil},
		{"update may leave the spec out", events.Plan, "update", `{"labels":{"tier":"one"}}`, nil},
		{"retry takes nothing", events.Tenant, "retry", `{}`, nil},

		{"a login for a repository", events.Repository, "create", `{"spec":{"url":"oci://r.example.com/acme","username":"me","password":{"secretRef":{"store":"vault","name":"apps/acme/r","key":"password"}}}}`, nil},
		{"a password in the place of a reference is not repeated", events.Repository, "create", `{"spec":{"url":"oci://r.example.com/acme","password":"hunter22"}}`, []string{`spec.password: want {"secretRef":{"store","name","key"}}, which says where the secret is: the secret itself would be kept for ever in the log`}},
		{"nor a little deeper", events.Repository, "create", `{"spec":{"url":"oci://r.example.com/acme","password":{"secretRef":"hunter22"}}}`, []string{`spec.password: want {"secretRef"`}},
		{"a login with a store that it can't have", events.Repository, "create", `{"spec":{"url":"oci://r.example.com/acme","caBundle":"aGk=","password":{"secretRef":{"store":"tenant","name":"r","key":"password"}}}}`, []string{`spec.password.secretRef.store: tenant is a store of a tenant's applications alone`, `spec.caBundle: want certificates`}},
		{"a login without a password", events.Repository, "create", `{"spec":{"url":"https://me:pw@r.example.com"}}`, []string{`spec.password: is missing`, `spec.url: `}},
		{"a key that is there twice", events.Tenant, "create", `{"spec":{"plan":"free","plan":"startup"}}`, []string{`spec.plan: this key is there twice`}},
		{"an address with host bits is no network", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","network":{"range":"10.1.1.1/16"}}}`, []string{`spec.network.range: "10.1.1.1/16" is no network`}},
		{"a range for a network that is there", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","network":{"range":"10.0.0.0/16","subnets":["subnet-a"]}}}`, []string{`spec.network.range: no use with subnets`}},
		{"wishes about a cluster that is there", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","cluster":{"existing":"theirs","private":true},"cloudAddons":{"dns":"1"}}}`, []string{`spec.cluster: a cluster that is there already is not changed`, `spec.cloudAddons: a cluster that is there already`}},
		{"somebody let into a cluster twice", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","cluster":{"access":[{"principal":"arn:x"},{"principal":"arn:x","policy":"edit"}]}}}`, []string{`spec.cluster.access[1].principal: "arn:x" is let in already`}},
		{"nobody let in, with a policy that there is not", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","cluster":{"access":[{"principal":"arn x","policy":"all"}]}}}`, []string{`spec.cluster.access[0].policy`, `spec.cluster.access[0].principal`}},
		{"an addon named twice", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","bootstrap":["db","db"]}}`, []string{`spec.bootstrap[1]: "db" is named already`}},
		{"a price twice, and of nothing", events.Account, "create", `{"spec":{"cloud":"sim","number":"lab","prices":[{"machine":"m4","hourly":"0.16"},{"machine":"m4","region":"eu","hourly":"0.2","spot":"0.0"},{"machine":"m4","hourly":"0"}]}}`, []string{`spec.prices[1].spot: must be more than 0`, `spec.prices[2].machine: "m4" is there twice for one region`, `spec.prices[2].hourly: must be more than 0`}},
		{"a price in words", events.Account, "create", `{"spec":{"cloud":"sim","number":"lab","prices":[{"machine":"m4","hourly":"16 cents"}]}}`, []string{`spec.prices[0].hourly: `}},
		{"no version", events.Dataplane, "upgrade", `{}`, []string{`version: is missing`}},
		{"a fallback with a minimum", events.TenantInfra, "create", `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m","min":1,"priority":"spot-with-fallback"}]}}`, []string{`spec.pools[0].min: must be 0`}},
		{"a fallback's name twice", events.TenantInfra, "create", `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m","priority":"spot-with-fallback"},{"name":"a-fallback","machine":"m"}]}}`, []string{`spec.pools[1].name: "a-fallback" is there twice`}},
		{"labels of nodes that Kubernetes, a cloud or aerie sets", events.TenantInfra, "update", `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m","labels":{"node-role.kubernetes.io/db":"yes","node.kubernetes.io/db":"yes","x.k8s.io/db":"yes","eks.amazonaws.com/db":"yes","aerie.io/pool":"b"}}]}}`,
			[]string{`spec.pools[0].labels.aerie.io/pool: the domain aerie.io is reserved`, `spec.pools[0].labels.eks.amazonaws.com/db: the domain eks.amazonaws.com is reserved`, `spec.pools[0].labels.node-role.kubernetes.io/db: the domain node-role.kubernetes.io is reserved`, `spec.pools[0].labels.node.kubernetes.io/db: the domain`, `spec.pools[0].labels.x.k8s.io/db: the domain`}},
		{"labels of nodes that are none", events.TenantInfra, "create", `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m","labels":{"a/b/c":"d","Team/x":"y"}}]}}`, []string{`spec.pools[0].labels.Team/x: not a label key of Kubernetes`, `spec.pools[0].labels.a/b/c: not a label key of Kubernetes`}},
		{"labels of nodes of one's own", events.TenantInfra, "create", `{"spec":{"app":"pg","size":"small","pools":[{"name":"a","machine":"m","labels":{"team.example.com/db":"yes","Team_1":"","kubernetes.io":"x"}}]}}`, nil},
		{"an address that is none", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","network":{"range":"999.1.1.0/16"}}}`, []string{`spec.network.range: "999.1.1.0/16" is no network`}},
		{"a misspelt field is told its neighbour", events.Tenant, "create", `{"spec":{"plan":"free","regoin":"eu-central"}}`,
			[]string{`spec.regoin: no such field; did you mean "region"?`}},
		{"a strange field is told all that are known", events.Customer, "create", `{"spec":{"colour":"red"}}`,
			[]string{`spec.colour: no such field; known: displayName, hosting`}},
		{"a strange field beside the spec", events.Customer, "create", `{"name":"acme"}`, []string{`name: no such field; known: labels, spec`}},
		{"retry with a field", events.Tenant, "retry", `{"force":true}`, []string{`force: no such field`}},
		{"a misspelt verb", events.Tenant, "creat", `{}`, []string{`verb: a tenant has no verb "creat"; did you mean "create"?`}},

		{"a number for a string", events.Tenant, "create", `{"spec":{"plan":7}}`, []string{`spec.plan: want a string, got the number 7`}},
		{"a string for a number", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","systemPool":{"min":"1"}}}`,
			[]string{`spec.systemPool.min: want a whole number, got the string "1"`}},
		{"half a node", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","systemPool":{"max":1.5}}}`,
			[]string{`spec.systemPool.max: want a whole number, got the number 1.5`}},
		{"more nodes than an int", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","systemPool":{"max":99999999999}}}`,
			[]string{`want a whole number`}},
		{"a string for yes or no", events.Plan, "create", strings.Replace(aPlan, `"deployment"`, `"draft":"yes","deployment"`, 1),
			[]string{`spec.draft: want true or false, got the string "yes"`}},
		{"a list for an object", events.Plan, "create", `{"spec":[]}`, []string{`spec: want an object, got a list`}},
		{"an object for a list", events.Plan, "create", `{"spec":{"deployment":"dedicated","apps":{}}}`, []string{`spec.apps: want a list, got an object`}},
		{"a body that is a list", events.Plan, "create", `[]`, []string{`: want an object, got a list`}},
		{"a label that is a number", events.Customer, "create", `{"labels":{"age":4}}`, []string{`labels.age: want a string, got the number 4`}},
		{"nothing in a list", events.Plan, "create", `{"spec":{"deployment":"dedicated","apps":[null]}}`, []string{`spec.apps[0]: want an object, got nothing`}},
		{"an empty entry of a list is not an absent one", events.Tenant, "create", `{"spec":{"plan":"free","allowNamespaces":[""]}}`,
			[]string{`spec.allowNamespaces[0]: `}},

		{"missing fields, all of them", events.Account, "create", `{"spec":{}}`,
			[]string{`spec.cloud: is missing: one of sim`, `spec.number: is missing: The cloud's own name`}},
		{"missing fields of an entry", events.TenantInfra, "create", `{"spec":{"app":"pg","size":"small","pools":[{}]}}`,
			[]string{`spec.pools[0].machine: is missing`, `spec.pools[0].name: is missing`}},
		{"not one of a few words", events.Customer, "create", `{"spec":{"hosting":"custommer"}}`,
			[]string{`spec.hosting: "custommer"; did you mean "customer"?`}},
		{"required and empty", events.Account, "create", `{"spec":{"cloud":"sim","number":""}}`, []string{`spec.number: ""`}},
		{"too many nodes", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","systemPool":{"max":101}}}`,
			[]string{`spec.systemPool.max: 101: at most 100`}},
		{"too few nodes", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","systemPool":{"min":0}}}`,
			[]string{`spec.systemPool.min: 0: at least 1`}},
		{"a list with too little", events.Plan, "create", `{"spec":{"deployment":"dedicated","apps":[]}}`, []string{`spec.apps: 0 entries: at least 1`}},
		{"a list with too much", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","network":{"zones":["a","a","a","a","a","a","a"]}}}`,
			[]string{`spec.network.zones: 7 entries: at most 6`}},
		{"a name too long for people", events.Customer, "create", `{"spec":{"displayName":"` + strings.Repeat("ü", 81) + `"}}`,
			[]string{`spec.displayName: 81 characters: at most 80`}},
		{"letters count, not bytes", events.Customer, "create", `{"spec":{"displayName":"` + strings.Repeat("ü", 80) + `"}}`, nil},
		{"a pattern says what would be right", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","version":"latest"}}`,
			[]string{`spec.version: "latest": Kubernetes minor version, such as 1.36`}},
		{"a reference that can't be a name", events.Tenant, "create", `{"spec":{"plan":"-/Free"}}`, []string{`spec.plan: "Free" is not a name for a plan`}},
		{"a label key no cluster would take", events.Customer, "create", `{"labels":{"a b":"c"}}`, []string{`labels.a b: not a label key`}},
		{"a label value no cluster would take", events.Customer, "create", `{"labels":{"a":"b c"}}`, []string{`labels.a: "b c" is not a label value`}},

		{"two entries for one application type", events.Plan, "create", `{"spec":{"deployment":"dedicated","apps":[{"type":"pg","size":"s"},{"type":"pg","size":"l"}]}}`,
			[]string{`spec.apps[1].type: "pg" is there twice`}},
		{"two pools of one name", events.TenantInfra, "create", `{"spec":{"app":"pg","size":"s","pools":[{"name":"a","machine":"s2"},{"name":"a","machine":"s2"}]}}`,
			[]string{`spec.pools[1].name: "a" is there twice`}},
		{"bounds that cross", events.TenantInfra, "create", `{"spec":{"app":"pg","size":"s","pools":[{"name":"a","machine":"s2","min":4}]}}`,
			[]string{`spec.pools[0].min: 4 is more than max, 3`}},
		{"bounds of the system pool that cross", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu-central","systemPool":{"min":4}}}`,
			[]string{`spec.systemPool.min: is more than max`}},
		{"a customer's account needs a role to assume", events.Account, "create", `{"spec":{"cloud":"sim","number":"1","hosting":"customer"}}`,
			[]string{`spec.role: is missing`, `spec.externalId: is missing`}},
		{"an addon in the cluster's own namespace", events.Addon, "create", `{"spec":{"namespace":"kube-system","manifests":[{"kind":"ConfigMap"}]}}`,
			[]string{`spec.namespace: "kube-system" is not allowed for an addon: it is the cluster's, the platform's or a tenant's`}},
		{"an addon in a tenant's namespace", events.Addon, "create", `{"spec":{"namespace":"acme--prod","manifests":[{"kind":"ConfigMap"}]}}`,
			[]string{`spec.namespace: "acme--prod" is not allowed for an addon: it is the cluster's, the platform's or a tenant's`}},
		{"a number that readers would round", events.Application, "create", `{"spec":{"manifests":[{"replicas":9007199254740993}]}}`,
			[]string{`spec.manifests[0].replicas: the number 9007199254740993 would not be kept exactly`}},

		{"many faults at once, in the order of their paths", events.TenantInfra, "create",
			`{"spec":{"app":"PG","sise":"small","pools":[{"name":"x","machine":"s2","max":0},{"machine":"s2"}]}}`,
			[]string{`spec.app: "PG"`, `spec.pools[0].max: 0: at least 1`, `spec.pools[1].name: is missing`, `spec.sise: no such field; did you mean "size"?`, `spec.size: is missing`}},

		{"an empty key", events.Application, "create", `{"spec":{"chart":{"name":"a","version":"1.0.0"},"values":{"":1,"":2}}}`, []string{`spec.values.: this key is there twice`}},
		{"a number that is to be text", events.Dataplane, "create", `{"spec":{"account":"main","region":"eu","version":1.30}}`, []string{`spec.version: want a string, got the number 1.30: put it in quotes`}},
		{"bytes that are no text", events.Customer, "create", "{\"spec\":{\"displayName\":\"M\xfcller\"}}", []string{`spec.displayName: has bytes that are not UTF-8`}},
		{"bytes that are no text, in a key", events.Application, "create", "{\"spec\":{\"chart\":{\"name\":\"a\",\"version\":\"1.0.0\"},\"values\":{\"a\":[{\"\xff\":1}]}}}", []string{"spec.values.a[0].\ufffd: has bytes that are not UTF-8"}},
		{"half of a pair, at the end and before something else", events.Customer, "create", `{"labels":{"a":"\ud83d"},"spec":{"displayName":"\udc00\u0041"}}`,
			[]string{`labels.a: has half of a surrogate pair`, `spec.displayName: has half of a surrogate pair`}},
		{"a pair", events.Customer, "create", `{"spec":{"displayName":"\\ud83d \ud83d\ude00"}}`, nil},
		{"a NUL in one line", events.Customer, "create", `{"spec":{"displayName":"a\u0000b"}}`, []string{`spec.displayName: has a NUL character (U+0000)`}},
		{"a NUL in a manifest and a key of values", events.Application, "create", `{"spec":{"chart":{"name":"a","version":"1.0.0"},"values":{"a":["x\u0000"],"b\u0000":1},"manifests":[{"a":"\u0000"}]}}`,
			[]string{"spec.manifests[0].a: has a NUL", "spec.values.a[0]: has a NUL", "spec.values.b\x00: has a NUL"}},
		{"controls and marks of direction in one line", events.Customer, "create", `{"spec":{"displayName":"a\u202eb"}}`, []string{`spec.displayName: has the character U+202E`}},
		{"a line break in one line", events.Account, "create", `{"spec":{"cloud":"sim","number":"1\n2"}}`, []string{`spec.number: has the character U+000A`}},
		{"an escape in a label", events.Customer, "create", `{"labels":{"a":"\u001b[31m"}}`, []string{`labels.a: "\x1b[31m" is not a label value`}},
		{"scripts, Arabic and colours in values and manifests", events.Application, "create", `{"spec":{"manifests":[{"kind":"ConfigMap","data":{"s":"a\n\u001b[1m\u200f\u202e"}}]}}`, nil},
		{"a name with a joiner", events.Customer, "create", `{"spec":{"displayName":"نمی\u200cخواهم \ud83d\udc68\u200d\ud83d\udd27"}}`, nil},

		{"not JSON", events.Plan, "create", `{`, []string{`body: not JSON`}},
		{"JSON and more", events.Plan, "create", `{} {}`, []string{`body: not JSON: something follows the JSON value`}},
		{"a body too large", events.Plan, "create", `"` + strings.Repeat("x", events.MaxBody) + `"`, []string{`bytes: at most 262144`}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := events.DecodeAsk(row.kind, row.verb, []byte(row.body))
			compareFaults(t, faultsOf(t, err), row.want)
		})
	}
}

func compareFaults(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("want %d faults, got %d:\n%s", len(want), len(got), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("fault %d: want %q in %q", i, want[i], got[i])
		}
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	ask, err := events.DecodeAsk(events.Plan, "create", []byte(aPlan))
	if err != nil {
		t.Fatal(err)
	}
	want := events.PlanSpec{
		Hosting: "provider", Deployment: "resource-shared", Apps: []events.PlanApp{{Type: "postgres", Size: "small"}},
		Isolation: true, Egress: events.PlanEgress{Limited: true}, Placement: "spread",
		Quota:  events.PlanQuota{CPU: "2", Memory: "4Gi", Storage: "20Gi", Pods: 20},
		Limits: events.PlanLimit{CPU: "500m", Memory: "512Mi"},
		Price:  events.PlanPrice{Currency: "EUR", Monthly: "0"},
	}
	if got := ask.(events.Create).Spec; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAnEmptyValueMeansTheDefault(t *testing.T) {
	ask, err := events.DecodeAsk(events.Customer, "create", []byte(`{"spec":{"hosting":""}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := ask.(events.Create).Spec.(events.CustomerSpec).Hosting; got != "provider" {
		t.Errorf("got %q", got)
	}
}

func TestDefaultsOfEntriesAreFilledIn(t *testing.T) {
	body := `{"spec":{"app":"pg","size":"s","pools":[{"name":"a","machine":"s2"},{"name":"b","machine":"m4","min":1,"max":9,"priority":"spot","labels":{},"zones":[]}]}}`
	ask, err := events.DecodeAsk(events.TenantInfra, "create", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []events.Pool{
		{Name: "a", Machine: "s2", Max: 3, Priority: "on-demand"},
		{Name: "b", Machine: "m4", Min: 1, Max: 9, Priority: "spot"},
	}
	if got := ask.(events.Create).Spec.(events.TenantInfraSpec).Pools; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAnUpdateSaysWhatItLeavesAlone(t *testing.T) {
	ask, err := events.DecodeAsk(events.Customer, "update", []byte(`{"labels":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	u := ask.(events.Update)
	if u.Labels == nil || len(u.Labels) != 0 || u.Spec != nil {
		t.Errorf("want no labels and no spec, got %#v", u)
	}
}

func TestManyLabelsAreTooMany(t *testing.T) {
	pairs := make([]string, events.MaxLabels+1)
	for i := range pairs {
		pairs[i] = `"k` + strings.Repeat("x", i) + `":"v"`
	}
	_, err := events.DecodeAsk(events.Customer, "create", []byte(`{"labels":{`+strings.Join(pairs, ",")+`}}`))
	compareFaults(t, faultsOf(t, err), []string{"labels: 33 labels: at most 32"})
}

// FuzzDecodeAsk asks of any input that it is either refused as invalid with its
// faults named, or decodes to what decodes again to the same.
func FuzzDecodeAsk(f *testing.F) {
	for _, seed := range []string{``, `{}`, aPlan, `{"labels":{"a":"b"}}`, `{"spec":{"plan":"free","allowNamespaces":["x"]}}`,
		`{"spec":{"manifests":[{"kind":"ConfigMap","n":1.0}]}}`, `[[[`, `{"spec":{"pools":[{"labels":{"a":"b"}}]}}`} {
		for i := range events.Kinds {
			f.Add(i, i%3, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, kind, verb int, data []byte) {
		k := events.Kinds[uint(kind)%uint(len(events.Kinds))]
		v := events.Verbs(k)[uint(verb)%uint(len(events.Verbs(k)))]
		ask, err := events.DecodeAsk(k, v, data)
		if err != nil {
			if len(faultsOf(t, err)) == 0 {
				t.Fatalf("refused without a fault: %v", err)
			}
			return
		}
		again, err := events.DecodeAsk(k, v, encodeAsk(t, ask))
		if err != nil || !reflect.DeepEqual(ask, again) {
			t.Fatalf("%#v became %#v, %v", ask, again, err)
		}
	})
}

// A reference has one form in the log, however it was typed: else the same would
// look like a change.
func TestReferencesHaveOneForm(t *testing.T) {
	for _, plan := range []string{"free", "-/free"} {
		ask, err := events.DecodeAsk(events.Tenant, "create", []byte(`{"spec":{"plan":"`+plan+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := ask.(events.Create).Spec.(events.TenantSpec).Plan; got != "-/free" {
			t.Errorf("%s became %s", plan, got)
		}
	}
}
