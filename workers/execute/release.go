package execute

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/cloud/kube/policy"
	"github.com/aeriehq/aerie/cloud/kube/release"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/command"
	"github.com/aeriehq/aerie/workers/secrets"
)

// Charts is what the executor needs to install Helm charts.
type Charts struct {
	Runner *helm.Runner
	Own    fs.FS         // this program's own charts, each a directory of its name
	Server *ServerCharts // of an agent: the server's, where it tells of them; nil: those are this program's
	Logins string        // the directory of logins: <owner>/<name>.json, each a helm.Login

	// Mirrored says where the charts of a repository are fetched from instead; empty: from there. Nil: nobody has a say in it. No login
	// of theirs is read for a mirror.
	Mirrored func(repository string) string

	Secrets *secrets.Stores // where secrets are that specs refer to; nil: in tenants' namespaces alone
	Read    *secrets.Known  // is told each secret that is read; nil: the work that reads it alone
}

// hooksWithin is how long a chart's hooks may take that says nothing else.
const hooksWithin = 5 * time.Minute

// request is what is to be asked of Helm for an application.
func (t *Task) request(ctx context.Context, op helm.Op, e ev.EnsureApplication, f filling) (helm.Request, error) {
	q := helm.Request{Op: op, Release: e.Name, Namespace: e.Namespace, Owner: t.UID,
		Values: f.values, Secrets: f.secrets, Within: hooksWithin, Terms: command.TermsOf(t.Ref),
		Chart: helm.Chart{Name: e.Chart.Name, Version: e.Chart.Version, Repository: e.Chart.Repository}}
	if e.Repair {
		q.Repair = strconv.FormatUint(t.Revision, 10)
	}
	if e.Chart.Timeout > 0 {
		q.Within = time.Duration(e.Chart.Timeout) * time.Second
	}
	if t.charts == nil {
		return q, &kube.Error{Code: kube.Invalid, Op: "install", Object: e.Name, Message: "no charts are installed here"}
	}
	mirror := t.charts.mirror(e.Chart.Repository)
	var err error
	switch {
	case e.Chart.Repository == "":
		q.Chart.Archive, err = t.charts.own(ctx, e.Chart.Name)
	case e.Chart.Credentials != "" && mirror == "":
		q.Chart.Login, err = t.login(ctx, e.Chart)
	}
	q.Digest = helm.DigestOf(q.Chart, e.Values)
	if mirror != "" { // where a chart was fetched from is no part of what is wished
		q.Chart.Repository = mirror
	}
	if f.mark != "" {
		q.Digest = helm.DigestWith(q.Digest, f.mark)
	}
	return q, err
}

// mirror is where the charts of a repository are fetched from instead, if anywhere.
func (c *Charts) mirror(repository string) string {
	if c.Mirrored == nil || repository == "" {
		return ""
	}
	return c.Mirrored(repository)
}

// pack packs one of the server's own charts the way Helm wants it.
func pack(own fs.FS, name string) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	err := fs.WalkDir(own, name, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(own, file)
		if err != nil {
			return err
		}
		if err := files.WriteHeader(&tar.Header{Name: path.Clean(file), Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = files.Write(data)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unknownChart(name)
	}
	if err = errors.Join(err, files.Close(), zip.Close()); err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// ensureRelease installs an application's chart, or brings the release to it. In a cluster that only stores, what the
// chart renders to is stored.
func (t *Task) ensureRelease(ctx context.Context, api kube.API, e ev.EnsureApplication, f filling) (applied []string, err error) {
	if t.charts != nil && !t.charts.Runner.HasSlot(t.Ref.Owner, e.Namespace, e.Name) {
		return nil, helm.ErrBusy
	}
	op := helm.Ensure
	if e.Rollback {
		op = helm.Revert
	}
	cluster, err := kube.Running(ctx, api)
	if err != nil {
		return nil, err
	}
	if cluster == nil {
		op = helm.Render
	}
	q, err := t.request(ctx, op, e, f)
	if err != nil {
		return nil, err
	}
	if cluster == nil {
		return t.storeRelease(ctx, api, e, q)
	}
	// The objects that earlier revisions gave as they are go first.
	spec := release.AppSpec{Namespace: e.Namespace, Name: e.Name, Owner: t.UID, Revision: t.Revision, Terms: command.TermsOf(t.Ref)}
	if _, err := release.EnsureApplication(ctx, api, spec); err != nil {
		return nil, err
	}
	made, err := release.Deployed(ctx, cluster, spec, q.Labels())
	if err == nil && made == nil {
		made, err = t.runRelease(ctx, cluster, q)
	}
	for _, o := range made {
		applied = append(applied, o.Kind()+"/"+o.Name())
	}
	return applied, err
}

// runRelease lets Helm bring a release about, and returns what it consists of.
func (t *Task) runRelease(ctx context.Context, c *kube.Cluster, q helm.Request) (made []kube.Object, err error) {
	if q.Cluster, err = reach(ctx, c, q.Namespace); err != nil {
		return nil, err
	}
	if q.Pods, err = tenant.PodDefaults(ctx, c, q.Namespace); err != nil {
		return nil, err
	}
	r, err := t.charts.Runner.Run(ctx, t.Ref.Owner, q)
	return r.Objects, policy.Reclassify(ctx, c, q.Namespace, err)
}

// storeRelease stores what a chart renders to.
func (t *Task) storeRelease(ctx context.Context, api kube.API, e ev.EnsureApplication, q helm.Request) ([]string, error) {
	spec := t.ApplicationSpec(e)
	var err error
	if spec.Pods, err = tenant.PodDefaults(ctx, api, e.Namespace); err != nil {
		return nil, err
	}
	q.Pods = spec.Pods
	made, err := t.rendered(ctx, api, e, q)
	if err != nil {
		return nil, err
	}
	if err := release.Define(ctx, api, made.Definitions); err != nil {
		return nil, err
	}
	spec.Objects, spec.Sealed = made.Objects, true
	return release.EnsureApplication(ctx, api, spec)
}

// RemoveRelease uninstalls a release, if there is one.
func (t *Task) RemoveRelease(ctx context.Context, api kube.API, namespace, name string) error {
	cluster, err := kube.Running(ctx, api)
	if err != nil || cluster == nil || t.charts == nil {
		return err
	}
	found, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: namespace,
		Labels: map[string]string{"owner": "helm", "name": name, kube.LabelOwner: t.UID}, Brief: true})
	if err != nil || len(found) == 0 {
		return err
	}
	if !t.charts.Runner.HasSlot(t.Ref.Owner, namespace, name) {
		return helm.ErrBusy
	}
	q := helm.Request{Op: helm.Remove, Release: name, Namespace: namespace, Owner: t.UID, Within: hooksWithin}
	if q.Cluster, err = reach(ctx, cluster, namespace); err != nil {
		return err
	}
	_, err = t.charts.Runner.Run(ctx, t.Ref.Owner, q)
	return policy.Reclassify(ctx, cluster, namespace, err)
}

// reach is the way into a namespace for its installer, who may write there what an application consists of. That the account
// is not there does not say that nothing else is: its tenant has drifted.
func reach(ctx context.Context, c *kube.Cluster, namespace string) (*kube.Access, error) {
	r, err := c.Access(ctx, namespace, policy.InstallerAccount)
	if kube.CodeOf(err) == kube.NotFound {
		err = &kube.Error{Code: kube.Unready, Op: "reach", Object: namespace, Message: "the account that installs there is gone, and comes back when what was changed by hand is repaired", Err: err}
	}
	return &r, err
}
