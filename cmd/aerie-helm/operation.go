package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	helmkube "helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// operation is what this process is for.
type operation struct {
	helm.Request
	rendered func() // to be called when the chart has been loaded and rendered
	config   *action.Configuration
	notes    notes
	fetching atomic.Bool // it waits for a repository
}

// history is how many revisions of a release are kept.
const history = 10

// do does it. What fails while the cluster does not answer says nothing about the chart.
func (o *operation) do() (helm.Result, error) {
	result, err := o.try()
	if err != nil && o.notes.lost.Load() {
		err = fault(kube.Unavailable, "the cluster did not answer: %w", err)
	}
	return result, err
}

// tooSlow is why there is nothing rendered in time: the chart, unless its repository or the cluster is being waited for.
func (o *operation) tooSlow() error {
	switch {
	case o.fetching.Load():
		return fault(kube.Unavailable, "the repository did not give the chart within %s", o.Rendered)
	case o.notes.open.Load() > 0:
		return fault(kube.Unavailable, "the cluster did not answer within %s", o.Rendered)
	}
	return fault(kube.Invalid, "the chart was not loaded and rendered within %s", o.Rendered)
}

func (o *operation) try() (helm.Result, error) {
	if o.Op == helm.Render {
		return o.render()
	}
	if err := o.connect(); err != nil {
		return helm.Result{}, err
	}
	last, err := o.last()
	if err != nil {
		return helm.Result{}, err
	}
	if last != nil && last.Labels[kube.LabelOwner] != o.Owner {
		return helm.Result{}, fault(kube.Conflict, "there is a release of that name, and it is not ours")
	}
	resumed, err := o.recover(last)
	if err != nil {
		return helm.Result{Resumed: resumed}, err
	}
	r, err := o.carryOut(last)
	r.Resumed = resumed
	return r, err
}

// recover takes the state of an operation that was cut short from a release, so that Helm works on it again. There is no
// other at work on it: its work is leased, a server has one process for it at a time, and that ends with its aerie.
func (o *operation) recover(last *release.Release) (was string, err error) {
	if last == nil || !last.Info.Status.IsPending() {
		return "", nil
	}
	was = string(last.Info.Status)
	last.SetStatus(common.StatusFailed, "interrupted while "+was)
	return was, o.config.Releases.Update(last)
}

func (o *operation) carryOut(last *release.Release) (helm.Result, error) {
	switch {
	case o.Op == helm.Remove:
		o.rendered()
		return o.remove(last)
	case last != nil && last.Info.Status == common.StatusUninstalling:
		if _, err := o.remove(last); err != nil {
			return helm.Result{}, err
		}
		return o.install(false)
	case last != nil && last.Info.Status == common.StatusDeployed && last.Labels[helm.LabelDigest] == o.Digest && !o.toRepair(last):
		return result("", last)
	case o.Op == helm.Revert:
		return o.revert()
	}
	deployed, err := o.everDeployed()
	switch {
	case err != nil:
		return helm.Result{}, err
	case last == nil:
		return o.install(false)
	case !deployed: // its install hooks have not all run: it is installed anew over what is there
		return o.install(true)
	}
	return o.upgrade()
}

// toRepair tells whether a release is to be applied once more, and was not yet.
func (o *operation) toRepair(last *release.Release) bool {
	return o.Repair != "" && last.Labels[helm.LabelRepair] != o.Repair
}

// connect makes what Helm works with in a cluster.
func (o *operation) connect() error {
	helmkube.ManagedFieldsManager = kube.HelmManager
	o.config = action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := o.config.Init(newGetter(o.Namespace, *o.Cluster, &o.notes), o.Namespace, "secret"); err != nil {
		return err
	}
	if c, ok := o.config.KubeClient.(*helmkube.Client); ok {
		own := client{Client: c, back: o.Op == helm.Revert}
		if o.Tells {
			own.to = os.NewFile(helm.HookNotifyFD, "starter")
		}
		o.config.KubeClient = own
	}
	return nil
}

// last is the newest revision of the release; nil if there is none.
func (o *operation) last() (*release.Release, error) {
	found, err := o.config.Releases.Last(o.Release)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return asRelease(found)
}

// everDeployed tells whether any revision ever came about wholly.
func (o *operation) everDeployed() (bool, error) {
	all, err := o.revisions()
	for _, r := range all {
		if s := r.Info.Status; s == common.StatusDeployed || s == common.StatusSuperseded && !r.Info.LastDeployed.IsZero() && r.Info.Description != replaced {
			return true, err
		}
	}
	return false, err
}

// replaced is how Helm describes a revision that an install has replaced.
const replaced = "replaced by later install"

func (o *operation) revisions() (all []*release.Release, err error) {
	found, err := o.config.Releases.History(o.Release)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	for _, f := range found {
		r, err := asRelease(f)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, err
}

func (o *operation) install(over bool) (helm.Result, error) {
	ch, err := o.prepared(false)
	if err != nil {
		return helm.Result{}, err
	}
	in := action.NewInstall(o.config)
	in.ReleaseName, in.Namespace, in.Labels, in.Replace = o.Release, o.Namespace, o.labels(), over
	in.WaitStrategy, in.Timeout, in.SkipCRDs, in.ForceConflicts = helmkube.HookOnlyStrategy, o.Within, o.Terms != policy.AsAddon, true
	in.PostRenderer, in.PostRenderStrategy = guard{o}, action.PostRenderStrategySeparate
	made, err := in.Run(ch, o.Values)
	if err != nil {
		return helm.Result{Did: "install"}, err
	}
	return resultOf("install", made)
}

func (o *operation) upgrade() (helm.Result, error) {
	ch, err := o.prepared(true)
	if err != nil {
		return helm.Result{}, err
	}
	up := action.NewUpgrade(o.config)
	up.Namespace, up.Labels, up.ResetValues, up.MaxHistory = o.Namespace, o.labels(), true, history
	up.WaitStrategy, up.Timeout, up.SkipCRDs, up.ForceConflicts = helmkube.HookOnlyStrategy, o.Within, o.Terms != policy.AsAddon, true
	up.PostRenderer, up.PostRenderStrategy = guard{o}, action.PostRenderStrategySeparate
	made, err := up.Run(o.Release, ch, o.Values)
	if err != nil {
		return helm.Result{Did: "upgrade"}, err
	}
	return resultOf("upgrade", made)
}

// revert rolls back to the newest revision that came about for the digest.
func (o *operation) revert() (helm.Result, error) {
	all, err := o.revisions()
	if err != nil {
		return helm.Result{}, err
	}
	to := 0
	for _, r := range all {
		s := r.Info.Status
		if r.Labels[helm.LabelDigest] == o.Digest && (s == common.StatusDeployed || s == common.StatusSuperseded) {
			to = max(to, r.Version)
		}
	}
	if to == 0 {
		return o.upgrade()
	}
	o.rendered()
	back := action.NewRollback(o.config)
	back.Version, back.Timeout, back.MaxHistory = to, o.Within, history
	back.WaitStrategy, back.ForceConflicts = helmkube.HookOnlyStrategy, true
	if err := back.Run(o.Release); err != nil {
		return helm.Result{Did: "rollback"}, err
	}
	now, err := o.last()
	if err == nil && o.Repair != "" { // Helm keeps the labels of the revision that it goes back to
		now.Labels[helm.LabelRepair] = o.Repair
		err = o.config.Releases.Update(now)
	}
	if err != nil {
		return helm.Result{}, err
	}
	return result("rollback", now)
}

func (o *operation) remove(last *release.Release) (helm.Result, error) {
	if last == nil {
		return helm.Result{}, nil
	}
	un := action.NewUninstall(o.config)
	un.WaitStrategy, un.Timeout, un.IgnoreNotFound = helmkube.HookOnlyStrategy, o.Within, true
	_, err := un.Run(o.Release)
	return helm.Result{Did: "uninstall"}, err
}

func (o *operation) labels() map[string]string {
	return map[string]string{helm.LabelDigest: o.Digest, helm.LabelRepair: o.Repair, kube.LabelOwner: o.Owner, kube.LabelApplication: o.Release}
}

func asRelease(r any) (*release.Release, error) {
	if v, ok := r.(*release.Release); ok {
		return v, nil
	}
	return nil, fmt.Errorf("a release of an unknown form: %T", r)
}

func resultOf(did string, r any) (helm.Result, error) {
	made, err := asRelease(r)
	if err != nil {
		return helm.Result{}, err
	}
	return result(did, made)
}

func result(did string, r *release.Release) (helm.Result, error) {
	objects, err := objectsOf(r.Manifest)
	return helm.Result{Objects: objects, Did: did}, err
}

// prepared is the chart, rendered once as the cluster lets it be: what is wrong with it is found before anything is written.
func (o *operation) prepared(upgrade bool) (*chart.Chart, error) {
	ch, err := o.load()
	if err != nil {
		return nil, err
	}
	if _, err := o.template(ch, o.config.RESTClientGetter, upgrade); err != nil {
		return nil, err
	}
	o.rendered()
	return o.load() // rendering works its values into the chart
}
