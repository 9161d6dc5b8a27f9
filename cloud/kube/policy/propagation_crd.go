package policy

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// unservedKind is how it is worded that a cluster does not serve a kind.
var unservedKind = regexp.MustCompile(`no matches for kind "([^"]+)" in version "([^"]+)"|no kind "([^"]+)" is registered for version "([^"]+)"`)

// kindComes says why kinds that are not served come, if they may, and what that means: one that is defined will, and one of
// which nobody has said anything depends on who has yet to say it. Kinds of Kubernetes' own groups are there or never are.
func kindComes(ctx context.Context, api kube.API, message string) (is kube.Code, why string, err error) {
	for _, m := range unservedKind.FindAllStringSubmatch(message, -1) {
		kind, apiVersion := m[1]+m[3], m[2]+m[4]
		if !strings.Contains(kube.Group(apiVersion), ".") {
			return "", "", nil
		}
		known, err := defined(ctx, api, kind, apiVersion)
		switch {
		case err != nil:
			return "", "", err
		case !known:
			is, why = kube.Unready, "nobody has defined the kind "+kind+" of "+apiVersion+" in this cluster yet, and it is waited for"
		case why == "":
			is, why = kube.Unavailable, "the kind is defined and not served yet"
		}
	}
	return is, why, nil
}

// defined tells whether a kind that is not served is defined, so that it will be.
func defined(ctx context.Context, api kube.API, kind, apiVersion string) (bool, error) {
	of := kube.Key{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"}
	all, err := api.List(ctx, kube.Selector{APIVersion: of.APIVersion, Kind: of.Kind, Brief: true})
	for _, o := range all {
		if of.Name = o.Name(); !strings.HasSuffix(of.Name, "."+kube.Group(apiVersion)) {
			continue
		}
		definition, err := kube.Find(ctx, api, of)
		if err != nil || defines(definition, kind, apiVersion) {
			return err == nil, err
		}
	}
	return false, err
}

// defines tells whether a definition of a kind says that it is served in a version.
func defines(definition kube.Object, kind, apiVersion string) bool {
	spec := kube.MapOf(definition["spec"])
	return kube.Nested(spec, "names")["kind"] == kind && slices.ContainsFunc(kube.MapsOf(spec["versions"]), func(v map[string]any) bool {
		return kube.Group(apiVersion)+"/"+kube.StringOf(v["name"]) == apiVersion && v["served"] == true
	})
}
