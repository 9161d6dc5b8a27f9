package command

import (
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	ev "github.com/aeriehq/aerie/events"
)

// CheckAsk finds what is wrong with a command that decodes and can be told before
// anything is asked of the log or of a cluster: manifests that no cluster may have.
func CheckAsk(ref ev.Ref, ask ev.Payload) (faults []ev.FieldError) {
	switch spec := ev.SpecOf(ask).(type) {
	case ev.Installed:
		return checkManifests(ref, spec, "spec")
	case ev.PlanSpec:
		for i, a := range spec.Applications {
			faults = append(faults, checkManifests(ref, a.Spec(), fmt.Sprintf("spec.applications[%d]", i))...)
		}
	}
	return faults
}

// checkManifests checks those of something that is installed, which stands at a path.
func checkManifests(ref ev.Ref, app ev.Installed, at string) (faults []ev.FieldError) {
	var objects []kube.Object
	for _, m := range app.Content().Manifests {
		objects = append(objects, m)
	}
	for _, f := range policy.CheckObjects(objects, TermsOf(ref)) {
		faults = append(faults, ev.FieldError{Field: at + strings.TrimPrefix(f.Path, "spec"), Message: f.Message})
	}
	return faults
}

// TermsOf are those on which the manifests of an entity are checked and installed: the operator's own addons may make
// what is of the whole cluster.
func TermsOf(ref ev.Ref) policy.Terms {
	if ref.Kind == ev.Addon && ref.Owner == ev.Platform {
		return policy.AsAddon
	}
	return policy.AsTenant
}
