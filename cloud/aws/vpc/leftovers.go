package vpc

import (
	"context"
	"slices"
	"strconv"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// tagKeep says whether a volume stays when its cluster goes: only with "false" it does not. A person gives it, the storage
// add-on to a volume whose class asks for it, or MarkVolumes; without it nobody knows.
const tagKeep = "aerie.io/keep"

// MarkVolumes gives the volumes of an owner's cluster the tag by what is known of them. Who said before that one stays is
// believed. One without our mark we may have no right to: then it stays.
func (n *Networks) MarkVolumes(ctx context.Context, cluster, owner string, goes map[string]bool) error {
	return n.volumesOf(ctx, cluster, owner, func(ctx context.Context, v types.Volume) error {
		is, id := tags(v.Tags), awssdk.ToString(v.VolumeId)
		going, known := goes[id]
		keep := strconv.FormatBool(!going)
		if !known || is[tagKeep] == keep || is[tagKeep] != "" && is[tagKeep] != "false" {
			return nil
		}
		err := awserr.UnlessGone(n.mark(ctx, id, tagKeep, keep))
		if is[TagOwner] == "" && cloud.ClassOf(awserr.Of("", err)) == cloud.Denied {
			return nil
		}
		return err
	})
}

// KeptVolumes are the ids of what is left of the volumes of an owner's cluster that is gone. A volume is seen for a while
// after it was deleted.
func (n *Networks) KeptVolumes(ctx context.Context, cluster, owner string) (ids []string, err error) {
	for _, of := range []types.Filter{filter("tag:"+TagName, cluster), filter("tag:kubernetes.io/cluster/"+cluster, "owned")} {
		err := n.eachVolume(ctx, func(_ context.Context, v types.Volume) error {
			if is := tags(v.Tags); is[tagKeep] != "false" && (is[TagOwner] == "" || is[TagOwner] == owner) {
				ids = append(ids, awssdk.ToString(v.VolumeId))
			}
			return nil
		}, of)
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// DeleteLeftovers removes what the controllers of an owner's cluster that is gone have left: volumes, and security groups,
// which carry Kubernetes' own mark. It is asked again until it is no error.
func (n *Networks) DeleteLeftovers(ctx context.Context, cluster, owner string) error {
	if err := n.volumesOf(ctx, cluster, owner, n.deleteVolume); err != nil {
		return err
	}
	return n.DeleteGroups(ctx, cluster)
}

// DeleteGroups removes the security groups that the controllers of a cluster that is gone have left.
func (n *Networks) DeleteGroups(ctx context.Context, cluster string) error {
	return n.clearGroups(ctx, "", filter("tag:kubernetes.io/cluster/"+cluster, "owned"))
}

// volumesOf goes through the volumes of an owner's cluster: those with our mark, because the storage add-on is told it, and
// those from before it was, which carry Kubernetes' own alone. The cluster's name is no other's.
func (n *Networks) volumesOf(ctx context.Context, cluster, owner string, do func(context.Context, types.Volume) error) error {
	if err := n.eachVolume(ctx, do, filter("tag:"+TagName, cluster), filter("tag:"+TagOwner, owner)); err != nil {
		return err
	}
	return n.eachVolume(ctx, func(ctx context.Context, v types.Volume) error {
		if tags(v.Tags)[TagOwner] != "" {
			return nil
		}
		return do(ctx, v)
	}, filter("tag:kubernetes.io/cluster/"+cluster, "owned"))
}

// eachVolume goes through the volumes that are there.
func (n *Networks) eachVolume(ctx context.Context, do func(context.Context, types.Volume) error, of ...types.Filter) error {
	pages := ec2.NewDescribeVolumesPaginator(n.ec2, &ec2.DescribeVolumesInput{Filters: of})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, v := range page.Volumes {
			if v.State == types.VolumeStateDeleting || v.State == types.VolumeStateDeleted {
				continue
			}
			if err := do(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteVolume deletes one that is to go, and lets go of any other: without our mark it is nobody's of ours any more.
func (n *Networks) deleteVolume(ctx context.Context, v types.Volume) error {
	is := tags(v.Tags)
	switch {
	case is[tagKeep] != "false" && is[TagOwner] == "":
		return nil
	case is[tagKeep] != "false":
		_, err := n.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{awssdk.ToString(v.VolumeId)},
			Tags: []types.Tag{{Key: awssdk.String(TagOwner)}}})
		return awserr.UnlessGone(err)
	case v.State == types.VolumeStateInUse:
		return refuse(cloud.Conflict, "VolumeInUse", "volume %s is still attached", awssdk.ToString(v.VolumeId))
	}
	_, err := n.ec2.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: v.VolumeId})
	return awserr.UnlessGone(err)
}
