package aws_test

import (
	"slices"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/emulator"
)

// volumes are the ids of those that are there.
func (r *rig) volumes() (ids []string) {
	r.Helper()
	for _, e := range r.ledger().Live(r.cloud.Now()) {
		if e.Kind == "volume" {
			ids = append(ids, e.Name)
		}
	}
	slices.Sort(ids)
	return ids
}

// vanish deletes a cluster by hand.
func (r *rig) vanish(cluster string) {
	r.Helper()
	_, err := r.cloud.ByHand(emulator.ManualChange{Delete: "cluster", Match: cluster})
	must(r, err)
}

func tag(key, value string) ec2t.Tag { return ec2t.Tag{Key: &key, Value: &value} }

// TestVolumesThatStay deletes a cluster with volumes of all sorts, among them such from before volumes had our mark, with the
// rights of the template.
func TestVolumesThatStay(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	goes, unknown := r.volume("cl1", owner), r.volume("cl1", owner)
	byHand, byWord := r.volume("cl1", owner, tag("aerie.io/keep", "true")), r.volume("cl1", owner, tag("aerie.io/keep", "yes"))
	late := r.volume("cl1", owner, tag("kubernetes.io/cluster/cl1", "owned"))
	old := r.volume("", "", tag("kubernetes.io/cluster/cl1", "owned"))
	another, others := r.volume("", "", tag("kubernetes.io/cluster/cl11", "owned")), r.volume("cl1", owner+"x", tag("kubernetes.io/cluster/cl1", "owned"))
	r.advance(soon)
	all := map[string]bool{}
	for _, id := range []string{goes, byHand, byWord, late, old, another, others} {
		all[id] = true
	}
	must(t, p.MarkVolumes(t.Context(), r.home(), "cl1", owner, all))
	c := ec2.NewFromConfig(r.theirs)
	_, err := c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{late}, Tags: []ec2t.Tag{tag("aerie.io/keep", "true")}})
	must(t, err)
	r.vanish("cl1")
	r.advance(soon)
	must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner))
	if o, err := p.ObserveCluster(t.Context(), r.home(), "cl1"); err != nil || o.Phase != cloud.Absent {
		t.Fatalf("%+v %v", o, err)
	}
	r.advance(soon)
	kept := []string{unknown, byHand, byWord, late, old}
	told, err := p.KeptVolumes(t.Context(), r.home(), "cl1", owner)
	if slices.Sort(kept); err != nil || !slices.Equal(told, kept) {
		t.Errorf("told of %v, want %v: %v", told, kept, err)
	}
	if want := slices.Sorted(slices.Values(append(kept, another, others))); !slices.Equal(r.volumes(), want) {
		t.Errorf("there are %v, want %v", r.volumes(), want)
	}
	r.unmarked(kept)
}

// unmarked asserts that volumes are nobody's of ours.
func (r *rig) unmarked(ids []string) {
	r.Helper()
	all, err := ec2.NewFromConfig(r.theirs).DescribeVolumes(r.Context(), &ec2.DescribeVolumesInput{VolumeIds: ids})
	must(r, err)
	for _, v := range all.Volumes {
		if slices.ContainsFunc(v.Tags, func(t ec2t.Tag) bool { return awssdk.ToString(t.Key) == "aerie.io/owner" }) {
			r.Errorf("%s is still marked", *v.VolumeId)
		}
	}
}

// TestUnmarkedVolumesGo deletes a cluster with a volume from before volumes had our mark, where we may change all volumes.
func TestUnmarkedVolumesGo(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	old := r.volume("", "", tag("kubernetes.io/cluster/cl1", "owned"))
	r.advance(soon)
	r.mayAll()
	must(t, p.MarkVolumes(t.Context(), r.home(), "cl1", owner, map[string]bool{old: true}))
	r.vanish("cl1")
	r.advance(soon)
	must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner))
	if left := r.left(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}
