package kube

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// NotYet is an error of who installs in a namespace as what it means. What the cluster was told of and does not know yet,
// the installer's rights or an addon's kinds, is unavailable: it is no answer. What the installer was never to have is
// one, and so is what admission says.
func NotYet(ctx context.Context, api API, namespace string, err error) error {
	var own *Error
	if !errors.As(err, &own) {
		return err
	}
	comes, why := false, ""
	var failed error
	switch own.Code {
	case Forbidden:
		why = "the installer has no rights here yet: "
		comes, failed = rightComes(ctx, api, namespace, own.Message)
	case Invalid, Broken:
		why = "the kind is defined and not served yet: "
		comes, failed = kindComes(ctx, api, own.Message)
	}
	if failed != nil { // it is not known whether it was an answer
		return failed
	}
	if !comes {
		return err
	}
	e := *own
	e.Code, e.Message = Unavailable, why+own.Message
	return &e
}

// lacking is how an API server words that an installer lacks a right, whoever judges rights there. What admission refuses
// reads otherwise.
var lacking = regexp.MustCompile(`is forbidden: User "system:serviceaccount:([^:"]+):` + InstallerAccount +
	`" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?`)

// rightComes tells whether the right that an installer lacks is one that it is to have: the server does not know of it
// yet, or somebody has taken it away, and it comes back.
func rightComes(ctx context.Context, api API, namespace, message string) (bool, error) {
	m := lacking.FindStringSubmatch(message)
	if m == nil || m[1] != namespace {
		return false, nil
	}
	ns, err := find(ctx, api, namespaceKey(namespace))
	if err != nil {
		return false, err
	}
	inside, of := m[5] == namespace, ns.Labels()
	if of[LabelAddon] != "" { // its installer may all there, and the platform's everywhere
		return inside || of[LabelCustomer] == "", nil
	}
	rules := slices.Clone(installerRules)
	brought, err := api.List(ctx, Selector{APIVersion: rbacAPI, Kind: "ClusterRole", Labels: map[string]string{LabelInstaller: "true"}})
	for _, role := range brought {
		more, _ := role["rules"].([]any)
		rules = append(rules, more...)
	}
	return inside && slices.ContainsFunc(rules, func(r any) bool { return allows(table(r), m[2], m[4], m[3]) }), err
}

// allows tells whether a rule gives a right to all objects of a resource.
func allows(rule map[string]any, verb, group, resource string) bool {
	has := func(field, what string) bool {
		all, _ := rule[field].([]any)
		return slices.Contains(all, any(what)) || slices.Contains(all, any("*"))
	}
	return has("verbs", verb) && has("apiGroups", group) && has("resources", resource) && rule["resourceNames"] == nil
}

// unservedKind is how it is worded that a cluster does not serve a kind.
var unservedKind = regexp.MustCompile(`no matches for kind "([^"]+)" in version "([^"]+)"`)

// kindComes tells whether a kind that is not served is defined, so that it will be.
func kindComes(ctx context.Context, api API, message string) (bool, error) {
	m := unservedKind.FindStringSubmatch(message)
	if m == nil || Group(m[2]) == "" {
		return false, nil
	}
	of := Key{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"}
	all, err := api.List(ctx, Selector{APIVersion: of.APIVersion, Kind: of.Kind, Brief: true})
	for _, o := range all {
		if of.Name = o.Name(); !strings.HasSuffix(of.Name, "."+Group(m[2])) {
			continue
		}
		definition, err := find(ctx, api, of)
		if err != nil || defines(definition, m[1], m[2]) {
			return err == nil, err
		}
	}
	return false, err
}

// defines tells whether a definition of a kind says that it is served in a version.
func defines(definition Object, kind, apiVersion string) bool {
	spec := table(definition["spec"])
	return within(spec, "names")["kind"] == kind && slices.ContainsFunc(tables(spec["versions"]), func(v map[string]any) bool {
		return Group(apiVersion)+"/"+text(v["name"]) == apiVersion && v["served"] == true
	})
}

// installing is the API as an installer has it.
type installing struct {
	API
	own       API // with our own rights
	namespace string
}

// Apply implements API, as the others do.
func (i *installing) Apply(ctx context.Context, o Object) (bool, error) {
	changed, err := i.API.Apply(ctx, o)
	return changed, NotYet(ctx, i.own, i.namespace, err)
}

func (i *installing) Try(ctx context.Context, o Object) (is, wouldBe Object, err error) {
	is, wouldBe, err = i.API.Try(ctx, o)
	return is, wouldBe, NotYet(ctx, i.own, i.namespace, err)
}

func (i *installing) Get(ctx context.Context, apiVersion, kind, namespace, name string) (Object, error) {
	o, err := i.API.Get(ctx, apiVersion, kind, namespace, name)
	return o, NotYet(ctx, i.own, i.namespace, err)
}
