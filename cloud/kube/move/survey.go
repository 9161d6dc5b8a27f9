package move

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Found is what a move of a tenant's pods meets in its cluster.
type Found struct {
	Pods    int      // that would go
	Bare    []string // pods that nobody would make again
	Jobs    []string // that run, and would be interrupted
	Budgets []string // disruption budgets that let nobody go now, with their numbers
	Volumes []Volume // that no pod at the target could have
	Landing bool     // whether evicted pods would come to the target at all
}

// Volume is a volume that does not fit where its pods are to go.
type Volume struct {
	Claim, Name string
	Zone        string // where it is; "": on one machine
	Reason      string
}

// Survey looks what a move meets. It changes nothing.
func Survey(ctx context.Context, api kube.API, s Spec) (f Found, err error) {
	if f.Landing = true; kube.CodeOf(s.landing(ctx, api)) == kube.Invalid {
		f.Landing = false
	}
	all, away, err := tenantPods(ctx, api, s)
	if err != nil {
		return Found{}, err
	}
	f.Pods = len(away)
	groups, err := workloads(ctx, api, all, away)
	if err != nil {
		return Found{}, err
	}
	for _, w := range groups {
		switch {
		case w.kind == "" && len(w.away) > 0:
			f.Bare = append(f.Bare, w.away[0].Name())
		case w.kind == "Job" && len(w.away) > 0:
			f.Jobs = append(f.Jobs, w.name)
		}
	}
	if f.Budgets, err = closedBudgets(ctx, api, s); err == nil {
		f.Volumes, err = misfits(ctx, api, s)
	}
	return f, err
}

// Refusal is why the move may not begin, all of it; "" if it may. A budget that lets nobody go is no reason: it may let
// somebody go later, and until then the move can be given up.
func (f Found) Refusal(force bool) string {
	var why []string
	if !f.Landing {
		why = append(why, "no policy of this cluster brings pods to other machines")
	}
	if len(f.Bare) > 0 && !force {
		why = append(why, "nobody would make these pods again: "+names(f.Bare))
	}
	if len(f.Jobs) > 0 && !force {
		why = append(why, "these Jobs run and would be interrupted: "+names(f.Jobs))
	}
	for _, v := range f.Volumes {
		why = append(why, fmt.Sprintf("volume %s of claim %s %s", v.Name, v.Claim, v.Reason))
	}
	return strings.Join(why, "; ")
}

// closedBudgets are the budgets of the tenant that let nobody go now.
func closedBudgets(ctx context.Context, api kube.API, s Spec) (closed []string, err error) {
	all, err := api.List(ctx, kube.Selector{APIVersion: "policy/v1", Kind: "PodDisruptionBudget", Namespace: s.Namespace})
	for _, b := range all {
		status := kube.MapOf(b["status"])
		if allowed, counted := status["disruptionsAllowed"].(int64); counted && allowed == 0 && status["expectedPods"] != int64(0) {
			closed = append(closed, fmt.Sprintf("%s needs %v healthy pods and has %v", b.Name(), status["desiredHealthy"], status["currentHealthy"]))
		}
	}
	return closed, err
}

// zoneKeys are the labels by which volumes say the zone that they are in.
var zoneKeys = []string{"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone",
	"topology.gke.io/zone", "topology.disk.csi.azure.com/zone"}

// misfits are the tenant's volumes that no machine of the target could have. Where the target is in no zone that is known, none is.
func misfits(ctx context.Context, api kube.API, s Spec) (bad []Volume, err error) {
	zones := slices.Clone(s.Zones)
	machines, err := s.machines(ctx, api)
	if err != nil {
		return nil, err
	}
	for _, n := range machines {
		if zone := n.Labels()[zoneKeys[0]]; zone != "" && !slices.Contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	claims, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: s.Namespace})
	if err != nil {
		return nil, err
	}
	for _, c := range claims {
		name := volumeOf(c)
		if name == "" {
			continue // it is made where its first pod is
		}
		v, err := findVolume(ctx, api, c)
		if err != nil {
			return nil, err
		}
		if zone, why := misfit(v, zones); why != "" {
			bad = append(bad, Volume{Claim: c.Name(), Name: name, Zone: zone, Reason: why})
		}
	}
	return bad, nil
}

// misfit says why a volume can't be had in zones; "" if it can. One of its terms has to hold.
func misfit(volume kube.Object, zones []string) (zone, why string) {
	terms := kube.MapsOf(kube.Nested(volume, "spec", "nodeAffinity", "required")["nodeSelectorTerms"])
	for _, term := range terms {
		at, bad := termMisfit(term, zones)
		if bad == "" {
			return "", ""
		}
		zone, why = at, bad
	}
	return zone, why
}

func termMisfit(term map[string]any, zones []string) (zone, why string) {
	for _, e := range kube.MapsOf(term["matchExpressions"]) {
		values := texts(e["values"])
		switch key := kube.StringOf(e["key"]); {
		case e["operator"] != "In":
		case key == "kubernetes.io/hostname":
			return "", "is on one machine, " + strings.Join(values, ", ")
		case !slices.Contains(zoneKeys, key) || len(zones) == 0:
		case !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(zones, v) }):
			zone = strings.Join(values, ", ")
			return zone, fmt.Sprintf("is in zone %s, the target in %s", zone, strings.Join(slices.Sorted(slices.Values(zones)), ", "))
		}
	}
	return "", ""
}

func texts(v any) (all []string) {
	list, _ := v.([]any)
	for _, e := range list {
		all = append(all, kube.StringOf(e))
	}
	return all
}
