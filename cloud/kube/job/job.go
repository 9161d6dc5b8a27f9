// Package job runs a Job in a cluster to its end, once, and says how it ended. It is for the steps that a plan has a program
// for, such as letting a tenant join an application that many share; it is not for what runs on, which is in release.
//
// Begin with Run, which asks for the Job and looks how far it is, and Remove. Both are called again and again: nothing is kept
// here. A Job is known by its name, so that there is one however often it is asked for; its pod may run twice. Different Jobs
// may be worked on at once. After a crash the next call finds the Job, or makes it: one that has ended stays until Remove, which
// its caller calls when the outcome is stored.
package job

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
)

// API is the group and version of Jobs.
const API = "batch/v1"

// Names of what Kubernetes itself writes on the pods of a Job, and our note on the Job.
const (
	labelController = "batch.kubernetes.io/controller-uid"
	labelName       = "batch.kubernetes.io/job-name"

	// AnnotationTry says for which try the Job was made.
	AnnotationTry = "aerie.io/try"

	annotationRound = "aerie.io/round"
)

// Spec is a Job as it is wanted.
type Spec struct {
	Namespace, Name string
	Owner           string // the uid of whom it is for; a Job of another's is never touched
	Try             string // one that has failed in another try is made again
	Round           int    // one of an earlier round is ended, however it went, and made again; 0: there are no rounds
	Labels          map[string]string
	Image           string
	Command         []string // empty: the image's own
	Env             map[string]string
	Secrets         []string          // of its namespace, whose keys are its environment too
	Deadline        time.Duration     // for all attempts together
	Attempts        int               // how often its pod may fail
	Nodes           map[string]string // labels of the nodes that its pod lands on; what keeps other pods off by one of them, it tolerates
	// GoesWith is an object of its namespace, as it was read: the cluster ends the Job when that is gone, also one that is asked for
	// late. nil: it goes with nothing.
	GoesWith kube.Object
}

// Run asks for the Job, and says whether it has come to a good end. One that has failed is an error of the code kube.Invalid:
// its message is the last line that the program has said. An error of another code says what is in the way of it meanwhile.
func Run(ctx context.Context, api kube.API, spec Spec) (done bool, err error) {
	there, err := kube.Find(ctx, api, spec.key())
	switch {
	case err != nil:
		return false, err
	case there == nil:
		return false, spec.begin(ctx, api)
	case there.Labels()[kube.LabelOwner] != spec.Owner:
		return false, kube.Taken("run job", spec.key(), there)
	case there.Terminating():
		return false, nil
	case spec.isEarlier(there): // how that went says nothing of this
		return false, kube.DeleteIf(ctx, api, spec.key(), func(o kube.Object) (bool, error) {
			return o.Labels()[kube.LabelOwner] == spec.Owner && spec.isEarlier(o), nil
		})
	case ended(there, "Complete") != nil:
		return true, nil
	}
	failed := ended(there, "Failed")
	if failed != nil && there.Annotations()[AnnotationTry] != spec.Try {
		// the next call makes it again
		return false, kube.DeleteIf(ctx, api, spec.key(), func(o kube.Object) (bool, error) {
			return o.Labels()[kube.LabelOwner] == spec.Owner && o.Annotations()[AnnotationTry] != spec.Try, nil
		})
	}
	pods, err := spec.pods(ctx, api, there)
	if err != nil {
		return false, err
	}
	if failed != nil {
		return false, kube.Fail(kube.Invalid, "run job", spec.key(), spec.why(failed, pods))
	}
	if len(pods) == 0 {
		return false, kube.RefusedPods(ctx, api, spec.key())
	}
	return false, inTheWay(pods)
}

// begin makes the Job, once nothing runs any more of one of an earlier round.
func (s Spec) begin(ctx context.Context, api kube.API) error {
	if s.Round != 0 {
		if none, err := noneRuns(ctx, api, s.Namespace, map[string]string{labelName: s.Name, kube.LabelOwner: s.Owner}); err != nil || !none {
			return err
		}
	}
	_, err := api.Apply(ctx, s.object())
	return err
}

// isEarlier tells whether a Job is of an earlier round.
func (s Spec) isEarlier(there kube.Object) bool {
	round, _ := strconv.Atoi(there.Annotations()[annotationRound]) // one that says none is of before there were any
	return round < s.Round
}

// Remove deletes the Job, if it is its owner's, and says whether nothing of it runs any more. The absent is success.
func Remove(ctx context.Context, api kube.API, namespace, name, owner string) (gone bool, err error) {
	spec := Spec{Namespace: namespace, Name: name}
	there, err := kube.Find(ctx, api, spec.key())
	if err != nil {
		return false, err
	}
	if there != nil && there.Labels()[kube.LabelOwner] == owner {
		return false, kube.DeleteOwn(ctx, api, spec.key(), owner)
	}
	return noneRuns(ctx, api, namespace, map[string]string{labelName: name, kube.LabelOwner: owner})
}

// RemoveAll deletes the Jobs of an owner that have some labels, and says whether nothing of them runs any more.
func RemoveAll(ctx context.Context, api kube.API, namespace, owner string, labels map[string]string) (gone bool, err error) {
	of := map[string]string{kube.LabelOwner: owner}
	maps.Copy(of, labels)
	jobs, err := api.List(ctx, kube.Selector{APIVersion: API, Kind: "Job", Namespace: namespace, Labels: of})
	if err != nil {
		return false, err
	}
	for _, j := range jobs {
		if err := kube.DeleteOwn(ctx, api, j.Key(), owner); err != nil {
			return false, err
		}
	}
	if len(jobs) > 0 {
		return false, nil
	}
	return noneRuns(ctx, api, namespace, of)
}

func noneRuns(ctx context.Context, api kube.API, namespace string, labels map[string]string) (bool, error) {
	pods, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Labels: labels})
	return err == nil && !slices.ContainsFunc(pods, runs), err
}

func (s Spec) key() kube.Key {
	return kube.Key{APIVersion: API, Kind: "Job", Namespace: s.Namespace, Name: s.Name}
}

// pods are the pods of the Job that is there, and not those of one that had its name.
func (s Spec) pods(ctx context.Context, api kube.API, there kube.Object) ([]kube.Object, error) {
	of := map[string]string{labelName: s.Name}
	if uid := kube.StringOf(there.Metadata()["uid"]); uid != "" {
		of = map[string]string{labelController: uid}
	}
	return api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: s.Namespace, Labels: of})
}

// ended is the condition of a Job that it has ended in a way; nil if it has not.
func ended(o kube.Object, way string) map[string]any {
	for _, c := range kube.MapsOf(kube.MapOf(o["status"])["conditions"]) {
		if c["type"] == way && c["status"] == "True" {
			return c
		}
	}
	return nil
}

// runs tells whether a pod has not ended.
func runs(pod kube.Object) bool {
	phase := kube.StringOf(kube.MapOf(pod["status"])["phase"])
	return phase != "Failed" && phase != "Succeeded"
}

// mostSaid is how much of what a program has said last is repeated.
const mostSaid = 500

// why is the reason of a Job that has failed: the last line of its newest pod, or else what Kubernetes says of the Job.
func (s Spec) why(failed map[string]any, pods []kube.Object) string {
	said, last := "", ""
	for _, p := range pods {
		status := kube.MapOf(p["status"])
		begun := kube.StringOf(status["startTime"])
		for _, c := range kube.MapsOf(status["containerStatuses"]) {
			if line := lastWords(kube.Nested(c, "state", "terminated")); line != "" && begun >= last {
				said, last = line, begun
			}
		}
	}
	how := fmt.Sprintf("it failed in all of %d attempts", s.Attempts)
	if failed["reason"] == "DeadlineExceeded" {
		how = fmt.Sprintf("it was not done within %s", s.Deadline)
	}
	if said == "" && failed["reason"] != "DeadlineExceeded" {
		said = kube.StringOf(failed["message"])
	}
	if said == "" {
		return how
	}
	return how + "; it said last: " + said
}

// lastWords is the last line of a container that has ended badly. Its message is the end of its log, or what it has written
// instead.
func lastWords(ended map[string]any) string {
	if code, _ := ended["exitCode"].(int64); code == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(kube.StringOf(ended["message"])), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	if line == "" {
		return fmt.Sprintf("exit code %d", ended["exitCode"])
	}
	return strings.ToValidUTF8(line[:min(len(line), mostSaid)], "")
}

// inTheWay is what keeps the pods of a Job from running; nil if nothing is known.
func inTheWay(pods []kube.Object) error {
	for _, p := range pods {
		if err := kube.PodTrouble(p); runs(p) && err != nil {
			return err
		}
	}
	return nil
}
