package aws_test

import (
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/emulate"
)

// TestVolumesThatStay deletes a cluster with a volume that is to stay, and two from before volumes had our mark.
func TestVolumesThatStay(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	tag := func(key, value string) ec2t.Tag { return ec2t.Tag{Key: &key, Value: &value} }
	r.volume("cl1", owner)
	kept := r.volume("cl1", owner, tag("aerie.io/keep", "true"))
	old := []string{r.volume("", "", tag("kubernetes.io/cluster/cl1", "owned")), r.volume("", "", tag("kubernetes.io/cluster/cl1", "owned"))}
	another := r.volume("", "", tag("kubernetes.io/cluster/cl11", "owned"))
	r.advance(soon)
	_, err := r.cloud.ByHand(emulate.Hand{Delete: "cluster", Match: "cl1"})
	must(t, err)
	c := ec2.NewFromConfig(r.theirs)
	for i, put := range []func() error{
		func() error {
			_, err := c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: old[:1], Tags: []ec2t.Tag{tag("aerie.io/keep", "true")}})
			return err
		},
		func() error {
			_, err := c.DeleteVolume(t.Context(), &ec2.DeleteVolumeInput{VolumeId: &old[1]})
			return err
		},
	} {
		err := p.DeleteCluster(t.Context(), r.home(), "cl1", owner)
		if cloud.ClassOf(err) != cloud.Denied || !strings.Contains(err.Error(), "UnmarkedVolume") || !strings.Contains(err.Error(), old[i]) {
			t.Fatalf("%s: %v", old[i], err)
		}
		must(t, put())
		r.advance(soon)
	}
	must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner))
	if o, err := p.ObserveCluster(t.Context(), r.home(), "cl1"); err != nil || o.Phase != cloud.Absent {
		t.Fatalf("%+v %v", o, err)
	}
	all, err := c.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{})
	must(t, err)
	var left []string
	for _, v := range all.Volumes {
		left = append(left, *v.VolumeId)
		if slices.ContainsFunc(v.Tags, func(t ec2t.Tag) bool { return awssdk.ToString(t.Key) == "aerie.io/owner" }) {
			t.Errorf("%s is still marked", *v.VolumeId)
		}
	}
	if want := []string{kept, old[0], another}; !slices.Equal(slices.Sorted(slices.Values(left)), slices.Sorted(slices.Values(want))) {
		t.Errorf("left are %v, want %v", left, want)
	}
}

// TestUnmarkedVolumesGo deletes a cluster with a volume from before volumes had our mark, where we may delete all volumes.
func TestUnmarkedVolumesGo(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	key := "kubernetes.io/cluster/cl1"
	r.volume("", "", ec2t.Tag{Key: &key, Value: awssdk.String("owned")})
	r.advance(soon)
	_, err := r.cloud.ByHand(emulate.Hand{Delete: "cluster", Match: "cl1"})
	must(t, err)
	r.mayAll()
	must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner))
	if left := r.left(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}
