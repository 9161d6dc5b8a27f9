// Package offers is what AWS has in a region: Kubernetes versions, add-ons and machines, and the names that those have in
// every cloud.
//
// It only looks, and keeps nothing. Begin with Look; names.go has the names that offers are written with. All of it may be
// used from any goroutine, and nothing of it changes. What a role may not look at is not known, and no error: roles from
// releases before may not.
package offers

import (
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// Shop is where is looked.
type Shop struct {
	EKS    *eks.Client
	Types  func(context.Context) ([]string, error) // the instance types of the region
	Addons map[cloud.Addon]string                  // what EKS calls the software for each purpose
}

// Look lists what there is. What may not be looked at is left out.
func (at Shop) Look(ctx context.Context) (c cloud.Catalogue, err error) {
	for _, look := range []func(context.Context, *cloud.Catalogue) error{at.versions, at.addonVersions, at.machines} {
		if err := look(ctx, &c); err != nil && cloud.ClassOf(awserr.Of("", err)) != cloud.Denied {
			return cloud.Catalogue{}, err
		}
	}
	return c, nil
}

func (at Shop) versions(ctx context.Context, c *cloud.Catalogue) error {
	pages := eks.NewDescribeClusterVersionsPaginator(at.EKS, &eks.DescribeClusterVersionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.Versions = nil
			return err
		}
		for _, v := range page.ClusterVersions {
			if v.VersionStatus != types.VersionStatusUnsupported {
				until := awssdk.ToTime(v.EndOfExtendedSupportDate).UTC()
				c.Versions = append(c.Versions, cloud.Version{Name: awssdk.ToString(v.ClusterVersion), Until: until})
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

func (at Shop) addonVersions(ctx context.Context, c *cloud.Catalogue) error {
	all := map[cloud.Addon][]string{}
	for purpose, name := range at.Addons {
		pages := eks.NewDescribeAddonVersionsPaginator(at.EKS, &eks.DescribeAddonVersionsInput{AddonName: awssdk.String(name)})
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
func (at Shop) machines(ctx context.Context, c *cloud.Catalogue) error {
	types, err := at.Types(ctx)
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
