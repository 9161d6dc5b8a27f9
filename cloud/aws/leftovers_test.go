package aws_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/kube"
)

// serve has two Services in a cluster, each with a load balancer of another sort.
func (r *rig) serve(p *aws.Provider, cluster string) {
	r.Helper()
	to, err := p.Access(r.Context(), r.home(), cluster)
	must(r, err)
	api, err := kube.Connect(to.Endpoint, to.CA, to.Token)
	must(r, err)
	_, err = api.Apply(r.Context(), kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "front"}})
	must(r, err)
	for name, annotations := range map[string]map[string]any{"classic": {}, "network": {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}} {
		_, err = api.Apply(r.Context(), kube.Object{
			"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": name, "namespace": "front", "annotations": annotations},
			"spec": map[string]any{"type": "LoadBalancer", "ports": []any{map[string]any{"port": int64(80)}}},
		})
		must(r, err)
	}
}

// volume makes one as the storage add-on of a cluster does.
func (r *rig) volume(cluster, owner string, more ...ec2t.Tag) string {
	r.Helper()
	tags := append([]ec2t.Tag{{Key: awssdk.String("aerie.io/name"), Value: &cluster}}, more...)
	if owner != "" {
		tags = append(tags, ec2t.Tag{Key: awssdk.String("aerie.io/owner"), Value: &owner})
	}
	v, err := ec2.NewFromConfig(r.theirs).CreateVolume(r.Context(), &ec2.CreateVolumeInput{
		AvailabilityZone: awssdk.String(region + "a"), Size: awssdk.Int32(4), TagSpecifications: []ec2t.TagSpecification{{ResourceType: ec2t.ResourceTypeVolume, Tags: tags}},
	})
	must(r, err)
	return *v.VolumeId
}

// left are the kinds of what is there, of those that controllers in clusters make.
func (r *rig) left() (names []string) {
	r.Helper()
	r.advance(soon)
	for _, e := range r.ledger().Live(r.cloud.Now()) {
		if slices.Contains([]string{"load-balancer", "target-group", "volume"}, e.Kind) {
			names = append(names, e.Kind+" of "+cmp.Or(e.Tags["aerie.io/name"], strings.Join(slices.Sorted(maps.Keys(e.Tags)), " ")))
		}
	}
	slices.Sort(names)
	return names
}

// TestWhatControllersLeave deletes a cluster by hand that has load balancers and volumes. They go before the cluster counts
// as gone; what another cluster has, and what another owner has marked, stays.
func TestWhatControllersLeave(t *testing.T) {
	r := start(t)
	p := r.provider()
	r.up(p, r.home())
	r.foreign(r.home(), "theirs")
	r.serve(p, "cl1")
	r.serve(p, "theirs")
	must(t, r.markedVolumes(p))
	attached := r.volume("cl1", owner)
	r.volume("cl1", "")
	r.volume("cl1", owner+"x")
	r.volume("theirs", "")
	if all := r.left(); len(all) != 10 {
		t.Fatal(all)
	}
	must(t, p.MarkVolumes(t.Context(), r.home(), "cl1", owner, map[string]bool{attached: true}))
	r.vanish("cl1")
	_, err := r.cloud.ByHand(emulator.ManualChange{Change: "volume", Match: attached, Set: emulator.Doc{"status": "in-use"}})
	must(t, err)
	r.inject(emulator.Fault{Op: "DeleteLoadBalancer", Code: "OperationNotPermitted", Message: "Load balancer cannot be deleted because deletion protection is enabled", Nth: 2})
	r.inject(emulator.Fault{Op: "DeleteTargetGroup", Code: "ResourceInUse", Message: "Target group is currently in use by a listener or a rule"})
	must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner+"x"))
	for _, why := range []string{"OperationNotPermitted", "ResourceInUse", "VolumeInUse"} {
		if o, err := p.ObserveCluster(t.Context(), r.home(), "cl1"); err != nil || o.Phase != cloud.Deleting {
			t.Fatalf("%+v %v", o, err)
		}
		if err := p.DeleteCluster(t.Context(), r.home(), "cl1", owner); cloud.ClassOf(err) != cloud.Conflict || !strings.Contains(err.Error(), why) {
			t.Fatalf("%s: %v", why, err)
		}
		r.advance(time.Minute)
	}
	_, err = r.cloud.ByHand(emulator.ManualChange{Change: "volume", Match: attached, Set: emulator.Doc{"status": "available"}})
	must(t, err)
	must(t, p.DeleteCluster(t.Context(), r.home(), "cl1", owner))
	if o, err := p.ObserveCluster(t.Context(), r.home(), "cl1"); err != nil || o.Phase != cloud.Absent {
		t.Fatalf("%+v %v", o, err)
	}
	theirs := " of kubernetes.io/cluster/theirs kubernetes.io/service-name"
	want := []string{"load-balancer" + theirs, "load-balancer" + theirs, "target-group" + theirs, "volume of cl1", "volume of cl1", "volume of theirs"}
	if left := r.left(); !slices.Equal(left, want) {
		t.Errorf("left: %v", left)
	}
	for range 4 {
		must(t, p.DeleteNetwork(t.Context(), r.home(), "net1", owner))
		r.advance(soon)
	}
	if refs, err := p.ListOwned(t.Context(), r.home(), ""); err != nil || len(refs) > 0 {
		t.Fatalf("%v %+v", err, refs)
	}
}

// markedVolumes asserts that the storage add-on is told how to mark volumes.
func (r *rig) markedVolumes(p *aws.Provider) error {
	r.Helper()
	_, err := p.EnsureAddon(r.Context(), r.home(), cloud.AddonSpec{Cluster: "cl1", Addon: cloud.AddonStorage, Owner: owner, Token: "t3"})
	if err != nil {
		r.advance(soon)
		_, err = p.EnsureAddon(r.Context(), r.home(), cloud.AddonSpec{Cluster: "cl1", Addon: cloud.AddonStorage, Owner: owner, Token: "t3"})
	}
	if err != nil {
		return err
	}
	a, err := eks.NewFromConfig(r.theirs).DescribeAddon(r.Context(), &eks.DescribeAddonInput{ClusterName: awssdk.String("cl1"), AddonName: awssdk.String("aws-ebs-csi-driver")})
	if want := `{"controller":{"extraVolumeTags":{"aerie.io/name":"cl1","aerie.io/owner":"` + owner + `"}}}`; err == nil && awssdk.ToString(a.Addon.ConfigurationValues) != want {
		r.Errorf("%s, want %s", *a.Addon.ConfigurationValues, want)
	}
	return err
}
