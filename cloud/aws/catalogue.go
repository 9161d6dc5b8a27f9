package aws

import (
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/fault"
)

// Catalogue implements cloud.Provider. What a role from before may not look at is not known.
func (p *Provider) Catalogue(ctx context.Context, s cloud.Scope) (c cloud.Catalogue, err error) {
	err = p.within(ctx, "Catalogue", s, func(ctx context.Context, at *session) error {
		for _, look := range []func(context.Context, *cloud.Catalogue) error{at.versions, at.addonVersions, at.machines} {
			if err := look(ctx, &c); err != nil && cloud.ClassOf(fault.Of("", err)) != cloud.Denied {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return cloud.Catalogue{}, err
	}
	return c, nil
}

func (at *session) versions(ctx context.Context, c *cloud.Catalogue) error {
	pages := eks.NewDescribeClusterVersionsPaginator(at.eks, &eks.DescribeClusterVersionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.Versions = nil
			return err
		}
		for _, v := range page.ClusterVersions {
			if v.VersionStatus != types.VersionStatusUnsupported {
				c.Versions = append(c.Versions, cloud.Version{Name: awssdk.ToString(v.ClusterVersion), Until: awssdk.ToTime(v.EndOfExtendedSupportDate).UTC()})
			}
		}
	}
	slices.SortFunc(c.Versions, func(a, b cloud.Version) int {
		if n := len(a.Name) - len(b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.Name, b.Name)
	})
	return nil
}

func (at *session) addonVersions(ctx context.Context, c *cloud.Catalogue) error {
	all := map[cloud.Addon][]string{}
	for purpose, is := range addons {
		if is.name == "" {
			continue
		}
		pages := eks.NewDescribeAddonVersionsPaginator(at.eks, &eks.DescribeAddonVersionsInput{AddonName: awssdk.String(is.name)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, a := range page.Addons {
				for _, v := range a.AddonVersions {
					all[purpose] = append(all[purpose], awssdk.ToString(v.AddonVersion))
				}
			}
		}
		slices.Sort(all[purpose])
	}
	c.Addons = all
	return nil
}

// machines are the instance types of the region, and the names of offers for those of them that have one.
func (at *session) machines(ctx context.Context, c *cloud.Catalogue) error {
	types, err := at.network.InstanceTypes(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, t := range types {
		there[t] = true
	}
	for size, t := range sizes {
		if there[t] {
			types = append(types, size)
		}
	}
	slices.Sort(types)
	c.Machines = types
	return nil
}
