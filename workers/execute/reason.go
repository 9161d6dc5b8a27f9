package execute

import (
	"cmp"
	"errors"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
	"github.com/aeriehq/aerie/workers/consent"
)

// classes says what each class of a cloud's errors is to people.
var classes = map[cloud.Class]struct {
	code  ev.ReasonCode
	fault ev.Blame
}{
	cloud.Retryable: {ev.Unreachable, ev.ByCloud},
	cloud.Throttled: {ev.RateLimited, ev.ByCloud},
	cloud.Conflict:  {ev.ConflictReason, ev.ByCloud},
	cloud.Taken:     {ev.ConfigProblem, ev.ByUser},
	cloud.NotFound:  {ev.Dependency, ev.ByCloud},
	cloud.Quota:     {ev.QuotaExceeded, ev.ByUser},
	cloud.Capacity:  {ev.CapacityUnavailable, ev.ByCloud},
	cloud.Denied:    {ev.Unauthorized, ev.ByUser},
	cloud.Invalid:   {ev.ConfigProblem, ev.ByUser},
	cloud.Terminal:  {ev.InternalReason, ev.ByCloud},
	cloud.Unseen:    {ev.NotSeen, ev.ByCloud},
	cloud.Unknown:   {ev.UnknownReason, ev.ByCloud},
}

// codes says what each code of a cluster's errors is to people.
var codes = map[kube.Code]struct {
	code  ev.ReasonCode
	fault ev.Blame
}{
	kube.NotFound:      {ev.Dependency, ev.ByCloud},
	kube.Invalid:       {ev.ConfigProblem, ev.ByUser},
	kube.Conflict:      {ev.ConflictReason, ev.ByUser},
	kube.Forbidden:     {ev.Unauthorized, ev.ByUser},
	kube.Full:          {ev.QuotaExceeded, ev.ByUser},
	kube.Unready:       {ev.Dependency, ev.ByUser},
	kube.Unschedulable: {ev.CapacityUnavailable, ev.ByUser},
	kube.Broken:        {ev.InternalReason, ev.ByUser},
	kube.Held:          {ev.Dependency, ev.ByUser},
	kube.Unavailable:   {ev.Unreachable, ev.ByCloud},
}

// ReasonOf says what an error is to people, and when the cloud wants to be asked
// again; 0 leaves it to the backoff.
func ReasonOf(err error) (ev.Reason, time.Duration) {
	var c *cloud.Error
	var k *kube.Error
	var u *unanswered
	var held *consent.Held
	switch {
	case errors.As(err, &held):
		return held.Reason, cmp.Or(held.After, heldAgain)
	case errors.As(err, &u):
		reason, after := ReasonOf(u.err)
		if !reason.Counted() {
			reason.Code = ev.Timeout
		}
		reason.Message = u.Error()
		return reason, after
	case errors.Is(err, helm.ErrBusy):
		return ev.Reason{Code: ev.Queued, Fault: ev.BySystem, Message: "it waits for its turn: " + helm.ErrBusy.Error()}, LookAgain
	case errors.Is(err, errTooOld):
		return ev.Reason{Code: ev.AgentTooOld, Fault: ev.ByUser, Message: err.Error()}, tooOldAgain
	case errors.Is(err, errForeign):
		return ev.Reason{Code: ev.Unauthorized, Fault: ev.BySystem, Message: err.Error()}, 0
	case errors.As(err, &c):
		to := classes[c.Class]
		return ev.Reason{Code: to.code, Fault: to.fault, Message: c.Error()}, c.RetryAfter
	case errors.As(err, &k):
		to := codes[k.Code]
		return ev.Reason{Code: to.code, Fault: to.fault, Message: k.Error()}, 0
	}
	return ev.Reason{Code: ev.Unreachable, Fault: ev.BySystem, Message: err.Error()}, 0
}

// heldAgain is when what waits for people is looked at again, should nobody answer before.
const heldAgain = time.Hour

// reasonAt is ReasonOf for the log. Who owns what failed reads it there: of what happens to a customer on a dataplane of the
// platform's it says nothing about others, and it never says a secret.
func (t *Task) reasonAt(place queue.Partition, err error) (ev.Reason, time.Duration) {
	reason, after := ReasonOf(err)
	owner := t.Ref.Owner
	reason.Message = t.known.Hide(reason.Message)
	if owner != ev.Platform && place.Owner == ev.Platform && place != queue.Nowhere {
		reason.Message = ev.TextOnShared(owner, reason.Message)
	}
	reason.Message = ev.Cut(reason.Message, maxReason)
	return reason, after
}

// codeOf is how a call's outcome stands in its note.
func codeOf(err error) string {
	if err == nil {
		return "ok"
	}
	var c *cloud.Error
	if errors.As(err, &c) && c.Code != "" {
		return c.Code
	}
	reason, _ := ReasonOf(err)
	return string(reason.Code)
}

// requestOf is by which a cloud finds a call that failed; empty if it did not say.
func requestOf(err error) string {
	var c *cloud.Error
	if errors.As(err, &c) {
		return c.RequestID
	}
	return ""
}

// notReady turns an observation of what is not ready yet into a result: look
// again, or a failed attempt where the resource says that it will not come.
func notReady(op string, o cloud.Observation) Result {
	if o.Phase != cloud.Failed {
		return Result{Again: max(o.After, LookAgain)}
	}
	e := &cloud.Error{Class: cloud.Terminal, Op: op, Code: "Failed", Message: "the cloud says it has failed: " + o.Raw}
	if len(o.Issues) > 0 {
		e.Class, e.Code, e.Message = o.Issues[0].Class, o.Issues[0].Code, o.Issues[0].Message
	}
	return Result{Err: e}
}

// LookAgain is how soon a cloud is asked again that does not say when.
const LookAgain = 10 * time.Second
