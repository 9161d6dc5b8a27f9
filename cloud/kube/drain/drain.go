// Package drain empties nodes that are to go: new pods are kept off them, and those that are there are asked to leave by the
// Eviction API, so that disruption budgets hold.
//
// Begin with Nodes. It keeps nothing: each call looks again at what is there, and goes on from that. Calls for the same nodes
// may run at once and be repeated; after a crash the next one finds cordoned nodes and pods that are on their way.
package drain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Bounds of one look: how many pods are asked to leave, how many of those that do not are named, and how long one that is
// leaving is given beyond the time that it was given itself.
const (
	mostEvictions = 100
	mostNamed     = 3
	patience      = 5 * time.Minute
)

// Nodes cordons the nodes with all these labels and asks the pods on them to leave; it says how many have not left yet. Where
// none of them goes, because somebody keeps each of them, that is an error of the code kube.Held, and its message names them.
// Pods that belong to their node, or have ended, stay.
func Nodes(ctx context.Context, api kube.API, labels map[string]string) (left int, err error) {
	if len(labels) == 0 {
		return 0, &kube.Error{Code: kube.Invalid, Op: "empty nodes", Message: "nothing says which nodes"}
	}
	nodes, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Node", Labels: labels})
	if err != nil {
		return 0, err
	}
	for _, n := range nodes {
		if err := api.Cordon(ctx, n.Name(), true); err != nil {
			return 0, err
		}
	}
	l := look{api: api}
	for _, n := range nodes {
		pods, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Node: n.Name()})
		if err != nil {
			return 0, err
		}
		for _, p := range pods {
			if err := l.empty(ctx, p); err != nil {
				return 0, err
			}
		}
	}
	if len(l.held) > 0 && !l.moves {
		return l.left, &kube.Error{Code: kube.Held, Op: "empty nodes", Message: l.why()}
	}
	return l.left, nil
}

// Reopen takes back that new pods are kept off nodes. What somebody else has cordoned stays so.
func Reopen(ctx context.Context, api kube.API, labels map[string]string) error {
	if len(labels) == 0 {
		return nil
	}
	nodes, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Node", Labels: labels})
	for i := 0; err == nil && i < len(nodes); i++ {
		err = api.Cordon(ctx, nodes[i].Name(), false)
	}
	return err
}

// look is one look at nodes.
type look struct {
	api   kube.API
	left  int
	asked int
	moves bool     // one of them leaves
	held  []string // who does not, and why
}

func (l *look) empty(ctx context.Context, p kube.Object) error {
	if stays(p) {
		return nil
	}
	l.left++
	name := "pod " + p.Namespace() + "/" + p.Name()
	since, leaving := leavingSince(p)
	switch {
	case leaving && time.Since(since) > patience:
		l.held = append(l.held, name+" was to end at "+since.Format(time.RFC3339)+" and has not: see its finalizers and its node")
		return nil
	case leaving:
		l.moves = true
		return nil
	case !controlled(p):
		l.held = append(l.held, name+" has no controller that would make it again elsewhere: delete it")
		return nil
	case l.asked >= mostEvictions:
		return nil
	}
	l.asked++
	err := l.api.Evict(ctx, p.Namespace(), p.Name())
	if kube.CodeOf(err) == kube.Held {
		l.held = append(l.held, name+" is held: "+reason(err))
		return nil
	}
	l.moves = l.moves || err == nil
	return err
}

// why names the first of those who do not leave.
func (l *look) why() string {
	slices.Sort(l.held)
	few := l.held[:min(len(l.held), mostNamed)]
	text := strings.Join(few, "; ")
	if more := len(l.held) - len(few); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func reason(err error) string {
	if e, ok := err.(*kube.Error); ok && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// stays says of a pod that it belongs to its node, or has ended.
func stays(p kube.Object) bool {
	phase := kube.StringOf(kube.MapOf(p["status"])["phase"])
	return p.Annotations()["kubernetes.io/config.mirror"] != "" || phase == "Succeeded" || phase == "Failed" || controllerOf(p) == "DaemonSet"
}

func controlled(p kube.Object) bool { return controllerOf(p) != "" }

// controllerOf is the kind of what makes a pod again when it is gone; empty if nothing does.
func controllerOf(p kube.Object) string {
	for _, o := range kube.MapsOf(p.Metadata()["ownerReferences"]) {
		if o["controller"] == true {
			return kube.StringOf(o["kind"])
		}
	}
	return ""
}

// leavingSince is when a pod that was asked to leave had to be gone.
func leavingSince(p kube.Object) (at time.Time, leaving bool) {
	at, err := time.Parse(time.RFC3339, kube.StringOf(p.Metadata()["deletionTimestamp"]))
	return at, err == nil
}
