package move

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/drain"
)

// Evict asks the pods that are not at the target to leave, of each workload one, and the next when all of it run again. It says
// how many are not there yet, and what is waited for. Where nobody goes because somebody keeps each of them, that is an error of the
// code kube.Held that names them; what runs at the target and does not come up, so that no other may follow, is its own error.
// The namespace must say the target already.
func Evict(ctx context.Context, api kube.API, s Spec) (left int, waits string, err error) {
	if err := s.landing(ctx, api); err != nil {
		return 0, "", err
	}
	all, away, err := tenantPods(ctx, api, s)
	if err != nil || len(away) == 0 {
		return 0, "", err
	}
	groups, err := workloads(ctx, api, all, away)
	if err != nil {
		return 0, "", err
	}
	r := round{api: api, force: s.Force}
	for _, w := range groups {
		if err := r.step(ctx, w); err != nil {
			return len(away), "", err
		}
	}
	switch {
	case r.goes:
		return len(away), drain.Names(append(r.held, r.waits...)), nil
	case r.trouble != nil:
		return len(away), "", r.trouble
	case len(r.held) > 0:
		return len(away), "", &kube.Error{Code: kube.Held, Op: "move", Object: "pods of " + s.Namespace, Message: drain.Names(append(r.held, r.waits...))}
	}
	return len(away), drain.Names(r.waits), nil
}

// workload is what makes pods again, with those it has.
type workload struct {
	kind, name string // no kind: a pod that nothing makes again
	wanted     int64  // how many there are to be; 0: that is not known
	there      []kube.Object
	away       []kube.Object
}

func (w *workload) String() string { return w.kind + " " + w.name }

// workloads sorts pods by what makes them.
func workloads(ctx context.Context, api kube.API, all, away []kube.Object) (groups []*workload, err error) {
	known := map[string]*workload{}
	for _, p := range all {
		kind, name := p.Controller()
		key := kind + " " + name
		if kind == "" {
			key = "Pod " + p.Name()
		}
		w := known[key]
		if w == nil {
			if w, err = workloadOf(ctx, api, p); err != nil {
				return nil, err
			}
			if same := slices.IndexFunc(groups, func(g *workload) bool { return w.kind != "" && g.String() == w.String() }); same >= 0 {
				w = groups[same] // another ReplicaSet of the same Deployment
			} else {
				groups = append(groups, w)
			}
			known[key] = w
		}
		if slices.ContainsFunc(away, func(a kube.Object) bool { return a.Name() == p.Name() }) {
			w.away = append(w.away, p)
		} else {
			w.there = append(w.there, p)
		}
	}
	return groups, nil
}

// workloadOf is what makes a pod: its controller, or the Deployment that has that.
func workloadOf(ctx context.Context, api kube.API, p kube.Object) (*workload, error) {
	by, err := controllerOf(ctx, api, p)
	if err != nil {
		return nil, err
	}
	kind, name := p.Controller()
	if above, _ := by.Controller(); kind == "ReplicaSet" && above == "Deployment" {
		if by, err = controllerOf(ctx, api, by); err != nil {
			return nil, err
		}
		kind, name = "Deployment", by.Name()
	}
	wanted, _ := kube.MapOf(by["spec"])["replicas"].(int64)
	return &workload{kind: kind, name: name, wanted: wanted}, nil
}

// controllerOf reads what makes an object again; nil if there is nothing, or it is not there any more.
func controllerOf(ctx context.Context, api kube.API, o kube.Object) (kube.Object, error) {
	for _, r := range kube.MapsOf(o.Metadata()["ownerReferences"]) {
		if r["controller"] == true {
			k := kube.Key{APIVersion: kube.StringOf(r["apiVersion"]), Kind: kube.StringOf(r["kind"]), Namespace: o.Namespace(), Name: kube.StringOf(r["name"])}
			return kube.Find(ctx, api, k)
		}
	}
	return nil, nil
}

// round is one look at all workloads.
type round struct {
	api     kube.API
	force   bool
	goes    bool     // somebody is on the way
	held    []string // who is kept, and by whom
	waits   []string // who waits for others of the same workload
	trouble error    // why one at the target does not come up
}

// step brings one workload further.
func (r *round) step(ctx context.Context, w *workload) error {
	switch {
	case len(w.away) == 0:
		return nil
	case w.kind == "" && !r.force:
		r.held = append(r.held, "pod "+w.away[0].Name()+" has no controller that would make it again: delete it")
		return nil
	case w.kind == "Job" && !r.force:
		r.held = append(r.held, w.String()+" runs: it comes to its end, or delete it")
		return nil
	}
	if r.blocked(w) {
		return nil
	}
	next := w.next()
	err := r.api.Evict(ctx, next.Namespace(), next.Name())
	if kube.CodeOf(err) == kube.Held {
		r.held = append(r.held, "pod "+next.Name()+" is held: "+drain.Reason(err))
		return nil
	}
	r.goes = r.goes || err == nil
	return err
}

// blocked tells whether no other pod of a workload may go now, and notes why.
func (r *round) blocked(w *workload) bool {
	if w.kind == "" || w.kind == "Job" {
		return slices.ContainsFunc(w.away, r.leaving)
	}
	for _, p := range slices.Concat(w.away, w.there) {
		if r.leaving(p) {
			return true
		}
	}
	for _, p := range w.there {
		if !isReady(p) {
			if trouble := kube.PodTrouble(p); trouble != nil && r.trouble == nil {
				r.trouble = trouble
			}
			r.waits = append(r.waits, "pod "+p.Name()+" of "+w.String()+" is at the target and not ready")
			return true
		}
	}
	if live := int64(len(w.away) + len(w.there)); live < w.wanted {
		r.waits = append(r.waits, fmt.Sprintf("%s has %d of %d pods", w, live, w.wanted))
		return true
	}
	return false
}

// leaving tells whether a pod is on its way out, and notes it.
func (r *round) leaving(p kube.Object) bool {
	leaving, stuck := drain.Leaving(p)
	if stuck != "" {
		r.held = append(r.held, "pod "+p.Name()+stuck)
	} else if leaving {
		r.goes = true
	}
	return leaving
}

// next is the pod of a workload that goes first: one that serves nobody, else the last by name, as a StatefulSet has it.
func (w *workload) next() kube.Object {
	return slices.MaxFunc(w.away, func(a, b kube.Object) int {
		if ra, rb := isReady(a), isReady(b); ra != rb {
			return map[bool]int{true: -1, false: 1}[ra]
		}
		return strings.Compare(a.Name(), b.Name())
	})
}

func isReady(p kube.Object) bool {
	for _, c := range kube.MapsOf(kube.MapOf(p["status"])["conditions"]) {
		if c["type"] == "Ready" {
			return c["status"] == "True"
		}
	}
	return false
}
