// Package elb removes the load balancers that the controllers of a cluster have made and that
// are left when it is gone. AWS has two APIs for them, one for the classic ones and one for all
// others; this package alone imports these.
//
// It makes no load balancer, and it touches none without the cluster's tag. Begin with Delete.
// Balancers may be used from any goroutine. Nothing is kept here: after a crash, or an error, Delete
// is called again and goes on with what is still there.
package elb

import (
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	classic "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	balancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/aeriehq/aerie/cloud/aws/awserr"
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

// tag is one tag of a thing.
type tag struct{ on, key, value *string }

// sort is a sort of things that can be asked for their tags and deleted.
type sort struct {
	tags func(ctx context.Context, of []string) ([]tag, error)
	drop func(ctx context.Context, one *string) error
}

// deleteMarked deletes those that are marked as a cluster's, where so many are asked for their tags at once. If one of
// them has just gone, the answer tells of none: then each is asked alone, because who asks us does not ask again.
func (s sort) deleteMarked(ctx context.Context, cluster string, all []string, atOnce int) error {
	for some := range slices.Chunk(all, atOnce) {
		tags, err := s.tags(ctx, some)
		if awserr.Gone(err) && len(some) > 1 {
			err = s.deleteMarked(ctx, cluster, some, 1)
		}
		if awserr.UnlessGone(err) != nil {
			return err
		}
		for _, t := range tags {
			if !marked(cluster, t.key, t.value) {
				continue
			}
			if err := awserr.UnlessGone(s.drop(ctx, t.on)); err != nil {
				return err
			}
		}
	}
	return nil
}

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
	return sort{b.classicTags, func(ctx context.Context, name *string) error {
		_, err := b.classic.DeleteLoadBalancer(ctx, &classic.DeleteLoadBalancerInput{LoadBalancerName: name})
		return err
	}}.deleteMarked(ctx, cluster, names, mostTagged)
}

func (b *Balancers) classicTags(ctx context.Context, names []string) (all []tag, err error) {
	tagged, err := b.classic.DescribeTags(ctx, &classic.DescribeTagsInput{LoadBalancerNames: names})
	if err != nil {
		return nil, err
	}
	for _, l := range tagged.TagDescriptions {
		for _, t := range l.Tags {
			all = append(all, tag{l.LoadBalancerName, t.Key, t.Value})
		}
	}
	return all, nil
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
	return sort{b.tags, func(ctx context.Context, arn *string) error {
		_, err := b.others.DeleteLoadBalancer(ctx, &balancing.DeleteLoadBalancerInput{LoadBalancerArn: arn})
		return err
	}}.deleteMarked(ctx, cluster, arns, mostTagged)
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
	return sort{b.tags, func(ctx context.Context, arn *string) error {
		_, err := b.others.DeleteTargetGroup(ctx, &balancing.DeleteTargetGroupInput{TargetGroupArn: arn})
		return err
	}}.deleteMarked(ctx, cluster, arns, mostTagged)
}

func (b *Balancers) tags(ctx context.Context, arns []string) (all []tag, err error) {
	tagged, err := b.others.DescribeTags(ctx, &balancing.DescribeTagsInput{ResourceArns: arns})
	if err != nil {
		return nil, err
	}
	for _, l := range tagged.TagDescriptions {
		for _, t := range l.Tags {
			all = append(all, tag{l.ResourceArn, t.Key, t.Value})
		}
	}
	return all, nil
}
