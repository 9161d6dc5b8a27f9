package kube

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// ForeignChange is an object of ours that somebody else has changed or deleted.
type ForeignChange struct {
	Object Key
	Labels map[string]string
}

// watched are the kinds of what is made for tenants and addons, and of what applications mostly consist of. Secrets are
// not among them: a release writes them all the time.
var watched = []Key{
	{APIVersion: "v1", Kind: "Namespace"}, {APIVersion: "v1", Kind: "ResourceQuota"}, {APIVersion: "v1", Kind: "LimitRange"},
	{APIVersion: "v1", Kind: "ServiceAccount"}, {APIVersion: "v1", Kind: "Service"}, {APIVersion: "v1", Kind: "ConfigMap"},
	{APIVersion: NetworkingAPI, Kind: "NetworkPolicy"}, {APIVersion: RBACAPI, Kind: "Role"}, {APIVersion: RBACAPI, Kind: "RoleBinding"},
	{APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "apps/v1", Kind: "StatefulSet"},
}

// watchAgain is the pause before a watch that has ended is begun again.
const watchAgain = 2 * time.Second

// Watch calls touched for each object of ours that another changes or deletes, until ctx ends. It is a hint: what happens
// while the cluster does not answer is not told, and a deletion is told whoever did it. touched is called by several at
// once. Only metadata come over the wire.
func (c *Cluster) Watch(ctx context.Context, touched func(ForeignChange)) {
	done := make(chan struct{})
	for _, k := range watched {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				_ = c.watch(ctx, k, touched) // why it ended does not matter: it begins again
				select {
				case <-ctx.Done():
				case <-time.After(watchAgain):
				}
			}
		}()
	}
	for range watched {
		<-done
	}
}

// watch watches one kind, from now on, until the server ends it.
func (c *Cluster) watch(ctx context.Context, kind Key, touched func(ForeignChange)) error {
	r, err := c.kinds.find(ctx, kind.APIVersion, kind.Kind)
	if err != nil {
		return err
	}
	ours := metav1.ListOptions{LabelSelector: LabelOwner, Limit: 1}
	now, err := c.brief.Resource(r.GroupVersionResource).List(ctx, ours)
	if err != nil {
		return err
	}
	// The client's timeout is for calls: a watch is one that lasts.
	from := metav1.ListOptions{LabelSelector: LabelOwner, ResourceVersion: now.ResourceVersion}
	w, err := c.lasting.Resource(r.GroupVersionResource).Watch(ctx, from)
	if err != nil {
		return err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		m, ok := e.Object.(*metav1.PartialObjectMetadata)
		if !ok || e.Type == watch.Added || e.Type == watch.Modified && byUs(m.ManagedFields) {
			continue
		}
		k := kind
		k.Namespace, k.Name = m.Namespace, m.Name
		touched(ForeignChange{Object: k, Labels: m.Labels})
	}
	return nil
}

// byUs tells whether the last to change an object was one of ours, or of the cluster itself.
func byUs(fields []metav1.ManagedFieldsEntry) bool {
	var last metav1.ManagedFieldsEntry
	for _, f := range fields {
		if f.Time != nil && (last.Time == nil || !f.Time.Before(last.Time)) && f.Subresource == "" {
			last = f
		}
	}
	return isOurs(last.Manager)
}

// isOurs tells a field manager that is aerie, what it starts, or the cluster itself.
func isOurs(manager string) bool {
	return slices.Contains([]string{"", Manager, HelmManager, "kube-controller-manager"}, manager)
}

// ChangedBy is the field manager under which somebody else was the last to write to an object, since we did; "" if nobody was.
func (o Object) ChangedBy() (who string) {
	last := ""
	for _, f := range MapsOf(o.Metadata()["managedFields"]) {
		manager, at := StringOf(f["manager"]), StringOf(f["time"])
		switch {
		case at < last || StringOf(f["subresource"]) != "":
		case !isOurs(manager):
			who, last = manager, at
		case at > last:
			who, last = "", at
		}
	}
	return who
}

// ChangedBy implements API.
func (c *Cluster) ChangedBy(ctx context.Context, k Key) (string, error) {
	at, err := c.resource(ctx, "get", k)
	if err != nil {
		return "", err
	}
	u, err := at.Get(ctx, k.Name, metav1.GetOptions{})
	if err != nil {
		return "", c.failed(ctx, "get", k, err)
	}
	return Object(u.Object).ChangedBy(), nil
}
