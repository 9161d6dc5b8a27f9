package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/secrets"
)

// Result is what came of a piece of work: an outcome, or a wish to look again,
// or both; an error means that this attempt failed.
type Result struct {
	Outcome ev.Event
	Again   time.Duration // in the cloud's time
	Queued  bool          // there was no room to begin
	Err     error
}

// kind is what came of it, as one word.
func (r Result) kind() string {
	switch {
	case r.Err != nil:
		return "failed"
	case r.Again > 0:
		return "waiting"
	}
	return "done"
}

// Task is one piece of work being done: the work, where, and the calls made so far. It is one goroutine's.
type Task struct {
	ev.Work
	clouds map[string]Cloud
	charts *Charts
	calls  []ev.Call
	making making
	known  secrets.Known // what was read, and nothing may say

	repository func(owner, name string) (ev.RepositorySpec, bool) // what is known of logins; nil: nothing is

	mu      sync.Mutex
	changes []string // of the call that is being made
}

// NewTask makes a task. Without charts it installs none and removes no release.
func NewTask(w ev.Work, clouds map[string]Cloud, charts *Charts) *Task {
	return &Task{Work: w, clouds: clouds, charts: charts}
}

// Do does the work.
func (t *Task) Do(ctx context.Context) Result {
	return Handlers[t.Effect](cloud.WithChanges(ctx, t.changed), t)
}

// Hidden is an error in words without the secrets that the task has read.
func (t *Task) Hidden(err error) string { return ev.Cut(t.known.Hide(err.Error()), maxReason) }

func (t *Task) changed(change string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.changes) < maxChanges {
		t.changes = append(t.changes, ev.Cut(change, maxChange))
	}
}

// taken are the changes of the call that was made.
func (t *Task) taken() (changes []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changes, t.changes = t.changes, nil
	return changes
}

// Calls are the calls made so far, the last of them if they are many.
func (t *Task) Calls() []ev.Call { return lastCalls(t.calls) }

// args reads the effect.
func args[E ev.Effect](t *Task) (e E, err error) {
	if err := json.Unmarshal(t.Args, &e); err != nil {
		return e, fmt.Errorf("read %s of %s: %w", t.Effect, t.Ref, err)
	}
	return e, nil
}

// Call makes one call to the outside and keeps a note of it.
func (t *Task) Call(api string, do func() error) error {
	start := time.Now()
	err := do()
	t.calls = append(t.calls, ev.Call{API: api, At: start.UTC(), TookMS: time.Since(start).Milliseconds(),
		Code: codeOf(err), RequestID: requestOf(err), Changes: t.taken()})
	return err
}

// unknownCloud is the code of work in a cloud that this server does not work in.
const unknownCloud = "UnknownCloud"

// Elsewhere tells whether something failed because this server does not work in its cloud: another may.
func Elsewhere(err error) bool {
	var c *cloud.Error
	return errors.As(err, &c) && c.Code == unknownCloud
}

// HasChanged tells whether a call has changed something, or may have: what is done inside a cluster does not say.
func (t *Task) HasChanged() bool { return slices.ContainsFunc(t.calls, ev.Call.Changing) }

// CloudOf finds the cloud of an account.
func (t *Task) CloudOf(a ev.CloudAccount) (Cloud, error) {
	c, ok := t.clouds[a.Cloud]
	if !ok {
		return c, &cloud.Error{Class: cloud.Invalid, Op: t.Effect, Code: unknownCloud, Message: fmt.Sprintf("this server works in no cloud called %q", a.Cloud)}
	}
	return c, nil
}

// ScopeOf is where the calls of a site's effect work.
func ScopeOf(s ev.Target) cloud.Scope {
	return cloud.Scope{Account: accountOf(s.Account), Region: s.Region}
}

func accountOf(a ev.CloudAccount) cloud.Account {
	return cloud.Account{ID: a.Number, Role: a.Role, ExternalID: a.ExternalID}
}

// IdentityOf reads an owner mark.
func IdentityOf(mark string) cloud.Identity {
	p := append(strings.SplitN(mark, "/", 4), "", "", "", "")
	return cloud.Identity{Owner: p[0], Kind: p[1], ID: p[2], UID: p[3]}
}

// thing is something in a cloud: what its calls are called, and those that make it and
// take it away.
type thing struct {
	name   string
	ensure func(Cloud) (cloud.Observation, error)
	remove func(Cloud) error
	empty  bool // one without a node is nobody's
}

// ensure asks for a thing and says what is to be done about it if it is not ready. Where
// the call itself failed, the observation is empty. One
// that has failed is deleted if nobody relies on it: the next attempt makes it anew.
func (t *Task) ensure(s ev.Target, what thing, remake bool) (cloud.Observation, Result) {
	api := "Ensure" + what.name
	began := t.making.begin(what.name)
	o, err := t.CallCloud(s, api, what.ensure)
	switch {
	case err != nil:
		return cloud.Observation{}, Result{Err: err}
	case o.Phase == cloud.Ready && t.making.since(began): // what a create answers nobody has seen
		o.Phase = cloud.Creating
		return o, Result{Again: lookAtMade}
	case o.Phase == cloud.Ready:
		return o, Result{}
	case o.Phase == cloud.Failed && (remake || what.empty && o.Nodes == 0):
		t.making.see(what.name)
		// If it is refused now, the next attempt meets it again.
		_ = t.Call("Delete"+what.name, func() error { return what.remove(t.clouds[s.Account.Cloud]) })
	}
	return o, notReady(api, o)
}

// checkMissing looks, before a part is ensured that has been in use, whether it is still
// there. If it is not, that is said first: then it may be made anew as if for the
// first time. The rest of the ensuring tells what cannot be seen.
func (t *Task) checkMissing(s ev.Target, part string, remake bool, api string,
	observe func(Cloud) (cloud.Observation, error)) (Result, bool) {
	if remake {
		return Result{}, false
	}
	o, err := t.CallCloud(s, api, observe)
	if err != nil || o.Phase != cloud.Absent {
		return Result{Err: err}, err != nil
	}
	return Result{Outcome: gone(part)}, true
}

// missingParent is the result of an error of something that stands on a part: where that is
// gone, it says so.
func missingParent(part string, err error) Result {
	if cloud.ClassOf(err) == cloud.NotFound {
		return Result{Outcome: gone(part), Err: err}
	}
	return Result{Err: err}
}

func gone(part string) ev.Drifted {
	return ev.Drifted{Found: []ev.Drift{{What: part, How: ev.DriftDeleted}}}
}

// CallCloud makes one call to the cloud of a site.
func (t *Task) CallCloud(s ev.Target, api string, do func(Cloud) (cloud.Observation, error)) (o cloud.Observation, err error) {
	c, err := t.CloudOf(s.Account)
	if err != nil {
		return o, err
	}
	err = t.Call(api, func() error {
		o, err = do(c)
		return err
	})
	return o, err
}

// inCluster works in a cluster of a site.
func (t *Task) inCluster(ctx context.Context, s ev.Target, cluster, what string, do func(kube.API) error) error {
	c, err := t.CloudOf(s.Account)
	if err != nil {
		return err
	}
	var api kube.API
	err = t.Call("Access", func() error {
		api, err = c.Kube(ctx, ScopeOf(s), cluster)
		return err
	})
	if err != nil {
		return err
	}
	return t.Call(what, func() error { return do(api) })
}
