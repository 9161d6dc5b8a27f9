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
		return l.left, &kube.Error{Code: kube.Held, Op: "empty nodes", Message: Names(l.held)}
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
	if Stays(p) {
		return nil
	}
	l.left++
	by, _ := p.Controller()
	name := "pod " + p.Namespace() + "/" + p.Name()
	leaving, stuck := Leaving(p)
	switch {
	case stuck != "":
		l.held = append(l.held, name+stuck)
		return nil
	case leaving:
		l.moves = true
		return nil
	case by == "":
		l.held = append(l.held, name+" has no controller that would make it again elsewhere: delete it")
		return nil
	case l.asked >= mostEvictions:
		return nil
	}
	l.asked++
	err := l.api.Evict(ctx, p.Namespace(), p.Name())
	if kube.CodeOf(err) == kube.Held {
		l.held = append(l.held, name+" is held: "+Reason(err))
		return nil
	}
	l.moves = l.moves || err == nil
	return err
}

// Names are the first of those who do not leave, in words.
func Names(held []string) string {
	slices.Sort(held)
	few := held[:min(len(held), mostNamed)]
	text := strings.Join(few, "; ")
	if more := len(held) - len(few); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// Reason is what an error says of why a pod is held.
func Reason(err error) string {
	if e, ok := err.(*kube.Error); ok && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// Stays says of a pod that it belongs to its node, or has ended.
func Stays(p kube.Object) bool {
	by, _ := p.Controller()
	return p.Annotations()["kubernetes.io/config.mirror"] != "" || p.Ended() || by == "DaemonSet"
}

// Leaving tells whether a pod was asked to leave, and what is said of one that has not though its time is long over.
func Leaving(p kube.Object) (leaving bool, stuck string) {
	at, err := time.Parse(time.RFC3339, kube.StringOf(p.Metadata()["deletionTimestamp"]))
	if err != nil {
		return false, ""
	}
	if time.Since(at) > patience {
		stuck = " was to end at " + at.Format(time.RFC3339) + " and has not: see its finalizers and its node"
	}
	return true, stuck
}
