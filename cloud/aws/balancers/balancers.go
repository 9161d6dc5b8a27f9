// Package balancers removes the load balancers that the controllers of a cluster have made and that are left when it is
// gone. AWS has two APIs for them, one for the classic ones and one for all others; this package alone imports these.
package balancers

import (
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	classic "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	balancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/fault"
)

// Balancers are those of one account and region.
type Balancers struct {
	classic *classic.Client
	others  *balancing.Client
}

// New makes it. It makes no call.
func New(c awssdk.Config) *Balancers {
	return &Balancers{classic: classic.NewFromConfig(c), others: balancing.NewFromConfig(c)}
}

// Delete removes all load balancers of a cluster, with their listeners, and then their target groups. What no controller
// of that cluster has marked as the cluster's is left alone.
func (b *Balancers) Delete(ctx context.Context, cluster string) error {
	for _, do := range []func(context.Context, string) error{b.deleteClassic, b.deleteOthers, b.deleteTargets} {
		if err := do(ctx, cluster); err != nil {
			return err
		}
	}
	return nil
}

// marked tells whether a tag says that something is a cluster's: the first as the controller in Kubernetes writes it, the
// second as AWS' own.
func marked(cluster string, key, value *string) bool {
	switch awssdk.ToString(key) {
	case "kubernetes.io/cluster/" + cluster:
		return awssdk.ToString(value) == "owned"
	case "elbv2.k8s.aws/cluster":
		return awssdk.ToString(value) == cluster
	}
	return false
}

// mostTagged is of how many the tags may be asked at once.
const mostTagged = 20

func (b *Balancers) deleteClassic(ctx context.Context, cluster string) error {
	pages := classic.NewDescribeLoadBalancersPaginator(b.classic, &classic.DescribeLoadBalancersInput{})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, l := range page.LoadBalancerDescriptions {
			names = append(names, awssdk.ToString(l.LoadBalancerName))
		}
	}
	for some := range slices.Chunk(names, mostTagged) {
		tagged, err := b.classic.DescribeTags(ctx, &classic.DescribeTagsInput{LoadBalancerNames: some})
		if gone(err) != nil {
			return err
		}
		if err != nil {
			continue // one has just gone: the next call sees the others
		}
		for _, l := range tagged.TagDescriptions {
			for _, tag := range l.Tags {
				if !marked(cluster, tag.Key, tag.Value) {
					continue
				}
				if _, err := b.classic.DeleteLoadBalancer(ctx, &classic.DeleteLoadBalancerInput{LoadBalancerName: l.LoadBalancerName}); gone(err) != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *Balancers) deleteOthers(ctx context.Context, cluster string) error {
	pages := balancing.NewDescribeLoadBalancersPaginator(b.others, &balancing.DescribeLoadBalancersInput{})
	var arns []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, l := range page.LoadBalancers {
			arns = append(arns, awssdk.ToString(l.LoadBalancerArn))
		}
	}
	return b.each(ctx, cluster, arns, func(arn *string) error {
		_, err := b.others.DeleteLoadBalancer(ctx, &balancing.DeleteLoadBalancerInput{LoadBalancerArn: arn})
		return err
	})
}

func (b *Balancers) deleteTargets(ctx context.Context, cluster string) error {
	pages := balancing.NewDescribeTargetGroupsPaginator(b.others, &balancing.DescribeTargetGroupsInput{})
	var arns []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.TargetGroups {
			arns = append(arns, awssdk.ToString(g.TargetGroupArn))
		}
	}
	return b.each(ctx, cluster, arns, func(arn *string) error {
		_, err := b.others.DeleteTargetGroup(ctx, &balancing.DeleteTargetGroupInput{TargetGroupArn: arn})
		return err
	})
}

// each does something to those that are marked as a cluster's.
func (b *Balancers) each(ctx context.Context, cluster string, arns []string, do func(arn *string) error) error {
	for some := range slices.Chunk(arns, mostTagged) {
		tagged, err := b.others.DescribeTags(ctx, &balancing.DescribeTagsInput{ResourceArns: some})
		if gone(err) != nil {
			return err
		}
		if err != nil {
			continue // one has just gone: the next call sees the others
		}
		for _, l := range tagged.TagDescriptions {
			for _, tag := range l.Tags {
				if !marked(cluster, tag.Key, tag.Value) {
					continue
				}
				if err := gone(do(l.ResourceArn)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func gone(err error) error {
	if cloud.ClassOf(fault.Of("", err)) == cloud.NotFound {
		return nil
	}
	return err
}
