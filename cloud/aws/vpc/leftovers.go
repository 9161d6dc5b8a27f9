package vpc

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/fault"
)

// DeleteLeftovers removes what the controllers of an owner's cluster that is gone have left: volumes, which carry our
// mark because the storage add-on is told it, and security groups, which carry Kubernetes' own. It is asked again until it
// is no error.
func (n *Networks) DeleteLeftovers(ctx context.Context, cluster, owner string) error {
	if err := n.deleteVolumes(ctx, filter("tag:"+TagName, cluster), filter("tag:"+TagOwner, owner)); err != nil {
		return err
	}
	return n.clearGroups(ctx, "", filter("tag:kubernetes.io/cluster/"+cluster, "owned"))
}

func (n *Networks) deleteVolumes(ctx context.Context, of ...types.Filter) error {
	pages := ec2.NewDescribeVolumesPaginator(n.ec2, &ec2.DescribeVolumesInput{Filters: of})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, v := range page.Volumes {
			switch v.State {
			case types.VolumeStateDeleting, types.VolumeStateDeleted:
				continue
			case types.VolumeStateInUse:
				return refuse(cloud.Conflict, "VolumeInUse", "volume %s is still attached", awssdk.ToString(v.VolumeId))
			}
			if _, err := n.ec2.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: v.VolumeId}); fault.UnlessGone(err) != nil {
				return err
			}
		}
	}
	return nil
}
