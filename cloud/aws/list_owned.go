package aws

import (
	"cmp"
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// ListOwned implements cloud.Provider. A leftover, such as the role of a cluster, is listed as a cluster being deleted.
func (p *Provider) ListOwned(ctx context.Context, s cloud.Scope, ownerPrefix string) (refs []cloud.Ref, err error) {
	err = p.within(ctx, "ListOwned", s, func(ctx context.Context, at *session) error {
		l := &listing{session: at, prefix: ownerPrefix, seen: map[purpose]bool{}}
		if err := at.eachCluster(ctx, func(c *types.Cluster) error { return l.cluster(ctx, c) }); err != nil {
			return err
		}
		if err := l.leftovers(ctx); err != nil {
			return err
		}
		networks, err := at.network.List(ctx, ownerPrefix)
		refs = append(l.ordered(), networks...)
		return err
	})
	return refs, err
}

// listing is a ListOwned under way.
type listing struct {
	*session
	prefix string
	refs   []cloud.Ref
	seen   map[purpose]bool // what has its main part
}

// owned notes one thing, if its mark is one of those that are wanted.
func (l *listing) owned(p purpose, owner, id string, phase cloud.Phase) {
	l.seen[p] = true
	if owner == "" || !strings.HasPrefix(owner, l.prefix) {
		return
	}
	r := cloud.Ref{Kind: p.kind, Scope: l.scope, Name: p.cluster, ID: id, Owner: owner, Phase: phase}
	if p.kind != cloud.KindCluster {
		r.Cluster, r.Name = p.cluster, p.name
	}
	l.refs = append(l.refs, r)
}

// ordered is what can be deleted first, first.
func (l *listing) ordered() []cloud.Ref {
	order := []cloud.Kind{cloud.KindPool, cloud.KindAddon, cloud.KindCluster}
	slices.SortStableFunc(l.refs, func(a, b cloud.Ref) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return l.refs
}

// cluster notes a cluster and what is on it, whoever made the cluster.
func (l *listing) cluster(ctx context.Context, c *types.Cluster) error {
	o := observeCluster(c)
	l.owned(purpose{l.region, *c.Name, cloud.KindCluster, ""}, o.Owner, o.ID, o.Phase)
	if err := l.pools(ctx, *c.Name); err != nil {
		return err
	}
	return l.addons(ctx, c)
}

func (l *listing) pools(ctx context.Context, cluster string) error {
	pages := eks.NewListNodegroupsPaginator(l.eks, &eks.ListNodegroupsInput{ClusterName: &cluster})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awserr.UnlessGone(err)
		}
		for _, name := range page.Nodegroups {
			g, err := l.nodegroup(ctx, cluster, name)
			if err != nil {
				return err
			}
			if o := observePool(g); g != nil {
				l.owned(purpose{l.region, cluster, cloud.KindPool, name}, o.Owner, o.ID, o.Phase)
			}
		}
	}
	return nil
}

// addons notes the add-ons of a cluster that somebody else made. Those of ours go with it.
func (l *listing) addons(ctx context.Context, c *types.Cluster) error {
	if c.Tags[tagOwner] != "" {
		return nil
	}
	for _, a := range cloud.Addons() {
		has, err := l.addon(ctx, awssdk.ToString(c.Name), a)
		if err != nil {
			return err
		}
		if o := observeAddon(has); has != nil {
			l.owned(l.purposeOf(awssdk.ToString(c.Name), a), o.Owner, o.ID, o.Phase)
		}
	}
	return nil
}

// leftovers notes the roles and providers of what is gone. Those for what is on a cluster of ours go with that.
func (l *listing) leftovers(ctx context.Context) error {
	roles, err := l.roles(ctx, rolePath+l.region+"/")
	if err != nil {
		return err
	}
	for _, r := range roles {
		if l.covered(r.purpose) {
			continue
		}
		owner, err := l.roleOwner(ctx, r.name)
		if err != nil {
			return err
		}
		l.owned(r.purpose, owner, r.id, cloud.Deleting)
	}
	providers, err := l.oidcProviders(ctx)
	for _, p := range providers {
		if of := (purpose{l.region, p.cluster, cloud.KindCluster, ""}); !l.seen[of] {
			l.owned(of, p.owner, p.arn, cloud.Deleting)
		}
	}
	return err
}

// covered says that a role's main part is there, or goes with a cluster that is.
func (l *listing) covered(p purpose) bool {
	if l.seen[p] {
		return true
	}
	on := purpose{p.region, p.cluster, cloud.KindCluster, ""}
	return p.kind == cloud.KindAddon && slices.ContainsFunc(l.refs,
		func(r cloud.Ref) bool { return r.Kind == cloud.KindCluster && r.Name == on.cluster })
}
