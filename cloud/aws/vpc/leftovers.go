package vpc

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/fault"
)

// tagKeep is how a person says that a volume stays when its cluster goes: the storage add-on gives it to a volume whose
// class asks for it.
const tagKeep = "aerie.io/keep"

// DeleteLeftovers removes what the controllers of an owner's cluster that is gone have left: volumes, which carry our
// mark because the storage add-on is told it, or did not yet, and security groups, which carry Kubernetes' own. It is
// asked again until it is no error.
func (n *Networks) DeleteLeftovers(ctx context.Context, cluster, owner string) error {
	if err := n.eachVolume(ctx, n.deleteVolume, filter("tag:"+TagName, cluster), filter("tag:"+TagOwner, owner)); err != nil {
		return err
	}
	mark := "kubernetes.io/cluster/" + cluster
	if err := n.eachVolume(ctx, n.deleteUnmarked, filter("tag:"+mark, "owned")); err != nil {
		return err
	}
	return n.clearGroups(ctx, "", filter("tag:"+mark, "owned"))
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

// deleteVolume deletes one, or lets go of it: without our mark it is nobody's of ours any more.
func (n *Networks) deleteVolume(ctx context.Context, v types.Volume) error {
	if tags(v.Tags)[tagKeep] == "true" {
		_, err := n.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{awssdk.ToString(v.VolumeId)}, Tags: []types.Tag{{Key: awssdk.String(TagOwner)}}})
		return fault.UnlessGone(err)
	}
	if v.State == types.VolumeStateInUse {
		return refuse(cloud.Conflict, "VolumeInUse", "volume %s is still attached", awssdk.ToString(v.VolumeId))
	}
	_, err := n.ec2.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: v.VolumeId})
	return fault.UnlessGone(err)
}

// deleteUnmarked deletes one of a cluster that was made before the storage add-on was told our mark. Its tag names the
// cluster, whose name is no other's; but the right to delete volumes that customers are asked for wants our mark.
func (n *Networks) deleteUnmarked(ctx context.Context, v types.Volume) error {
	if t := tags(v.Tags); t[TagOwner] != "" || t[tagKeep] == "true" {
		return nil
	}
	err := n.deleteVolume(ctx, v)
	if cloud.ClassOf(fault.Of("", err)) == cloud.Denied {
		return refuse(cloud.Denied, "UnmarkedVolume", "volume %s of the cluster is without the tag %s, which the right to delete it asks for: delete it, or give it the tag %s=true and it stays",
			awssdk.ToString(v.VolumeId), TagOwner, tagKeep)
	}
	return err
}
