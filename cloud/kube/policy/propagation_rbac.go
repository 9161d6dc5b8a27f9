package policy

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Who installs in a namespace, as an API server words it.
const installerIn = `"system:serviceaccount:([^:"]+):` + InstallerAccount + `"`

// How an API server words what an installer lacks, whoever judges rights there: a right, or rights that it would give
// away. What admission refuses reads otherwise.
var (
	lacking = regexp.MustCompile(`is forbidden: User ` + installerIn + ` cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?`)
	giving  = regexp.MustCompile(`(?s)is forbidden: user ` + installerIn + ` \(groups=.*?\) is attempting to grant RBAC permissions not currently held:\n(.*)`)
	given   = regexp.MustCompile(`\{APIGroups:\[([^\]]*)\], Resources:\[([^\]]*)\],(?: ResourceNames:\[[^\]]*\],)? Verbs:\[([^\]]*)\]\}`)
)

// lack is what an installer lacks.
type lack struct {
	of     string // whose installer's
	inside bool   // it is asked for in that namespace
	rights []right
}

type right struct{ verb, group, resource string }

// lackOf reads what an installer lacks from a refusal; nothing if that is not what was refused.
func lackOf(message string) (l lack) {
	if m := lacking.FindStringSubmatch(message); m != nil {
		return lack{m[1], m[5] == m[1], []right{{m[2], m[4], m[3]}}}
	}
	m := giving.FindStringSubmatch(message)
	if m == nil {
		return l
	}
	l.of, l.inside = m[1], true
	for line := range strings.Lines(m[2]) {
		rights := rightsOf(line)
		if rights == nil { // of addresses, not of objects
			return lack{}
		}
		l.rights = append(l.rights, rights...)
	}
	return l
}

// rightsOf are the rights of one rule.
func rightsOf(rule string) (all []right) {
	m := given.FindStringSubmatch(rule)
	if m == nil {
		return nil
	}
	words := func(list string) []string { return strings.Fields(strings.ReplaceAll(list, `"`, ` `)) }
	groups := words(m[1])
	if m[1] == `""` {
		groups = []string{""}
	}
	for _, group := range groups {
		for _, resource := range words(m[2]) {
			for _, verb := range words(m[3]) {
				all = append(all, right{verb, group, resource})
			}
		}
	}
	return all
}

// rightComes says why the rights that an installer lacks come, if they are such as it is to have: the server does not know
// of them yet, or somebody has taken them away, and they come back.
func rightComes(ctx context.Context, api kube.API, namespace, message string) (why string, err error) {
	const comes = "the installer has no rights here yet"
	l := lackOf(message)
	if l.of != namespace || len(l.rights) == 0 {
		return "", nil
	}
	ns, err := kube.Find(ctx, api, kube.NamespaceKey(namespace))
	if err != nil {
		return "", err
	}
	if of := ns.Labels(); of[kube.LabelAddon] != "" { // its installer may all there, and the platform's everywhere
		if l.inside || of[kube.LabelCustomer] == "" {
			why = comes
		}
		return why, nil
	}
	rules, err := tenantRules(ctx, api)
	has := func(r right) bool {
		return slices.ContainsFunc(rules, func(rule any) bool { return allows(kube.MapOf(rule), r) })
	}
	if l.inside && !slices.ContainsFunc(l.rights, func(r right) bool { return !has(r) }) {
		why = comes
	}
	return why, err
}

// tenantRules are those of a tenant's installer, with what addons let it do besides.
func tenantRules(ctx context.Context, api kube.API) ([]any, error) {
	rules := slices.Clone(installerRules)
	brought, err := api.List(ctx, kube.Selector{APIVersion: kube.RBACAPI, Kind: "ClusterRole",
		Labels: map[string]string{kube.LabelInstaller: "true"}})
	for _, role := range brought {
		more, _ := role["rules"].([]any)
		rules = append(rules, more...)
	}
	return rules, err
}

// allows tells whether a rule gives a right to all objects of a resource.
func allows(rule map[string]any, r right) bool {
	has := func(field, what string) bool {
		all, _ := rule[field].([]any)
		return slices.Contains(all, any(what)) || slices.Contains(all, any("*"))
	}
	return has("verbs", r.verb) && has("apiGroups", r.group) && has("resources", r.resource) && rule["resourceNames"] == nil
}
