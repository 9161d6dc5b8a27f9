package memory

import (
	"context"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Course is how a Job goes that is put into a made-up cluster.
type Course struct {
	Ends  time.Time
	Stuck bool   // it never ends by itself: its deadline ends it
	Fails string // the last line that its program says, if it fails; empty: it succeeds
}

// RunJobs is a view of a store at a time in which Jobs run: each is given its course when it is put there for the first time,
// and shows how far it is when it is read. It has no pods. The store keeps the course with the Job.
func RunJobs(store kube.API, now time.Time, course func() Course) kube.API {
	return jobs{store, now, course}
}

type jobs struct {
	kube.API
	now    time.Time
	course func() Course
}

// The annotations of a Job that say how it goes.
const (
	noteEnds  = "sim.aerie.io/ends-at"
	noteFails = "sim.aerie.io/fails"
	noteWhy   = "sim.aerie.io/fails-because"
)

// The reasons of Kubernetes for a Job that has failed.
const (
	failedBackoff  = "BackoffLimitExceeded"
	failedDeadline = "DeadlineExceeded"
)

func isJob(apiVersion, kind string) bool { return kind == "Job" && kube.Group(apiVersion) == "batch" }

// Apply implements kube.API.
func (j jobs) Apply(ctx context.Context, o kube.Object) (bool, error) {
	begun, err := j.begun(ctx, o, j.course)
	if err != nil {
		return false, err
	}
	return j.API.Apply(ctx, begun)
}

// Try implements kube.API.
func (j jobs) Try(ctx context.Context, o kube.Object) (is, wouldBe kube.Object, err error) {
	begun, err := j.begun(ctx, o, func() Course { return Course{} }) // of one that is not there nothing is said
	if err != nil {
		return nil, nil, err
	}
	return j.API.Try(ctx, begun)
}

// Get implements kube.API.
func (j jobs) Get(ctx context.Context, apiVersion, kind, namespace, name string) (kube.Object, error) {
	o, err := j.API.Get(ctx, apiVersion, kind, namespace, name)
	return j.shown(o), err
}

// List implements kube.API.
func (j jobs) List(ctx context.Context, s kube.Selector) ([]kube.Object, error) {
	found, err := j.API.List(ctx, s)
	for i, o := range found {
		found[i] = j.shown(o)
	}
	return found, err
}

// begun is a Job with its course: that of the one that is there, or a new one.
func (j jobs) begun(ctx context.Context, o kube.Object, course func() Course) (kube.Object, error) {
	k := o.Key()
	if !isJob(k.APIVersion, k.Kind) {
		return o, nil
	}
	there, err := kube.Find(ctx, j.API, k)
	if err != nil {
		return nil, err
	}
	notes := map[string]string{}
	for _, note := range []string{noteEnds, noteFails, noteWhy} {
		if v, given := there.Annotations()[note]; given {
			notes[note] = v
		}
	}
	if notes[noteEnds] == "" {
		notes = course().notes(o, j.now)
	}
	return o.Marked("", nil, notes), nil
}

// notes writes a course down.
func (c Course) notes(o kube.Object, now time.Time) map[string]string {
	notes := map[string]string{}
	if c.Fails != "" {
		notes[noteFails], notes[noteWhy] = failedBackoff, c.Fails
	}
	deadline, bounded := kube.MapOf(o["spec"])["activeDeadlineSeconds"].(int64)
	if end := now.Add(time.Duration(deadline) * time.Second); bounded && (c.Stuck || end.Before(c.Ends)) {
		c.Ends, c.Stuck = end, false
		notes[noteFails], notes[noteWhy] = failedDeadline, "Job was active longer than specified deadline"
	}
	if c.Stuck {
		c.Ends = now.AddDate(1000, 0, 0)
	}
	notes[noteEnds] = c.Ends.UTC().Format(time.RFC3339Nano)
	return notes
}

// shown is an object as its controller would show it: a Job whose time has come has ended.
func (j jobs) shown(o kube.Object) kube.Object {
	notes := o.Annotations()
	ends, err := time.Parse(time.RFC3339Nano, notes[noteEnds])
	if err != nil || !isJob(o.APIVersion(), o.Kind()) || j.now.Before(ends) {
		return o
	}
	condition, status := map[string]any{"type": "Complete", "status": "True"}, map[string]any{"succeeded": int64(1)}
	if notes[noteFails] != "" {
		condition = map[string]any{"type": "Failed", "status": "True", "reason": notes[noteFails], "message": notes[noteWhy]}
		status = map[string]any{"failed": int64(1)}
	}
	status["conditions"] = []any{condition}
	o["status"] = status
	return o
}
