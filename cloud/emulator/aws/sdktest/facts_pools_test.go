package sdktest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

func TestCapacity(t *testing.T) {
	const words = "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient m6i.large capacity."
	factsOf(t, []fact{
		{"it is an issue of the node group, never an error of the call, and it takes long", func(t *testing.T, r *rig, g ground) {
			r.inject(emulator.Fault{Op: "CreateNodegroup", Issue: true, Code: "AsgInstanceLaunchFailures", Message: words})
			_, err := r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "m", "1"))
			must(t, err)
			r.advance(soon / 3)
			if n := r.group("c", "m"); n.Status != ekst.NodegroupStatusCreating {
				t.Fatal(n.Status)
			}
			r.advance(soon)
			if n := r.group("c", "m"); n.Status != ekst.NodegroupStatusCreateFailed || n.Health.Issues[0].Code != ekst.NodegroupIssueCodeAsgInstanceLaunchFailures || *n.Health.Issues[0].Message != words {
				t.Fatalf("%+v", n)
			}
		}},
		{"a quota that is full is one too", func(t *testing.T, r *rig, g ground) {
			all := r.accounts()
			all[0].Quotas = map[string]int{"nodes": 3}
			must(t, core.WriteAccounts(r.dir, all))
			_, err := r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "m", "1"))
			must(t, err)
			r.advance(soon)
			if n := r.group("c", "m"); n.Status != ekst.NodegroupStatusCreateFailed || n.Health.Issues[0].Code != ekst.NodegroupIssueCodeInstanceLimitExceeded {
				t.Fatalf("%+v", n)
			}
		}},
		{"some zones take no control plane", func(t *testing.T, r *rig, g ground) {
			r.cfg.Region = "us-east-1"
			r.clients = clientsOf(r.cfg)
			subnets := r.network("10.1.0.0/16", "us-east-1a", "us-east-1e")
			r.advance(soon)
			g.subnets = subnets
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("e", "1"))
			is(t, "UnsupportedAvailabilityZoneException", err)
		}},
	})
}

func TestQuota(t *testing.T) {
	r, g := lifelike(t)
	all := r.accounts()
	all[0].Quotas = map[string]int{"clusters": 1, "nodegroups-per-cluster": 1}
	must(t, core.WriteAccounts(r.dir, all))
	_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
	is(t, "ResourceLimitExceededException", err)
	_, err = r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "m", "1"))
	is(t, "ResourceLimitExceededException", err)
}

func TestSpot(t *testing.T) {
	r, g := lifelike(t)
	in := g.nodegroup("c", "m", "1")
	in.CapacityType, in.InstanceTypes = ekst.CapacityTypesSpot, []string{"m6i.large", "m6a.large"}
	_, err := r.eks.CreateNodegroup(t.Context(), in)
	must(t, err)
	r.advance(soon)
	if n := r.group("c", "m"); n.CapacityType != ekst.CapacityTypesSpot || len(n.InstanceTypes) != 2 || len(n.Taints) != 0 {
		t.Fatalf("%+v", n)
	}
}

// TestReservedLabels has the keys that EKS takes on no node group, when it is made and when it is changed.
func TestReservedLabels(t *testing.T) {
	r, g := lifelike(t)
	for _, key := range []string{"node-role.kubernetes.io/db", "node.kubernetes.io/db", "kubernetes.io/db", "team.k8s.io/db", "eks.amazonaws.com/db"} {
		in := g.nodegroup("c", "m", "1")
		in.Labels = map[string]string{key: "yes"}
		_, err := r.eks.CreateNodegroup(t.Context(), in)
		is(t, "InvalidParameterException", err)
	}
	_, err := r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "m", "1"))
	must(t, err)
	r.advance(soon)
	change := func(key string) error {
		_, err := r.eks.UpdateNodegroupConfig(t.Context(), &eks.UpdateNodegroupConfigInput{
			ClusterName: str("c"), NodegroupName: str("m"), Labels: &ekst.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{key: "yes"}},
		})
		return err
	}
	is(t, "InvalidParameterException", change("node-role.kubernetes.io/db"))
	must(t, change("team.example.com/db"))
}

// TestAutoscaling has the scaling configuration as what it is: the range of a group. Nobody moves the desired size by itself.
func TestAutoscaling(t *testing.T) {
	r, g := lifelike(t)
	in := g.nodegroup("c", "m", "1")
	in.ScalingConfig = &ekst.NodegroupScalingConfig{MinSize: awssdk.Int32(0), DesiredSize: awssdk.Int32(0), MaxSize: awssdk.Int32(3)}
	_, err := r.eks.CreateNodegroup(t.Context(), in)
	must(t, err)
	for _, wrong := range []*ekst.NodegroupScalingConfig{
		{MinSize: awssdk.Int32(2), DesiredSize: awssdk.Int32(1), MaxSize: awssdk.Int32(3)},
		{MinSize: awssdk.Int32(0), DesiredSize: awssdk.Int32(4), MaxSize: awssdk.Int32(3)},
		{MinSize: awssdk.Int32(0), DesiredSize: awssdk.Int32(0), MaxSize: awssdk.Int32(0)},
	} {
		in := g.nodegroup("c", "w", "1")
		in.ScalingConfig = wrong
		_, err := r.eks.CreateNodegroup(t.Context(), in)
		if codeOf(err) == "" {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

func TestOrder(t *testing.T) {
	factsOf(t, []fact{
		{"a cluster needs two zones", func(t *testing.T, r *rig, g ground) {
			g.subnets = g.subnets[:1]
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
			is(t, "InvalidParameterException", err)
		}},
		{"a node group needs a running cluster", func(t *testing.T, r *rig, g ground) {
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
			must(t, err)
			_, err = r.eks.CreateNodegroup(t.Context(), g.nodegroup("d", "n", "1"))
			is(t, "InvalidRequestException", err)
			_, err = r.eks.CreateNodegroup(t.Context(), g.nodegroup("e", "n", "1"))
			is(t, "ResourceNotFoundException", err)
		}},
		{"coredns is degraded until there are nodes", func(t *testing.T, r *rig, g ground) {
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
			must(t, err)
			r.advance(soon)
			for _, name := range []string{"coredns", "vpc-cni"} {
				_, err = r.eks.CreateAddon(t.Context(), &eks.CreateAddonInput{ClusterName: str("d"), AddonName: &name, ClientRequestToken: str("1")})
				must(t, err)
			}
			r.advance(soon)
			if s := r.addon("d", "vpc-cni"); s.Status != ekst.AddonStatusActive {
				t.Error(s.Status)
			}
			if s := r.addon("d", "coredns"); s.Status != ekst.AddonStatusDegraded || s.Health.Issues[0].Code != ekst.AddonIssueCodeInsufficientNumberOfReplicas {
				t.Errorf("%+v", s)
			}
			_, err = r.eks.CreateNodegroup(t.Context(), g.nodegroup("d", "n", "1"))
			must(t, err)
			r.advance(soon)
			if s := r.addon("d", "coredns"); s.Status != ekst.AddonStatusActive {
				t.Error(s.Status)
			}
		}},
		{"an add-on comes and goes", func(t *testing.T, r *rig, _ ground) {
			offered, err := r.eks.DescribeAddonVersions(t.Context(), &eks.DescribeAddonVersionsInput{AddonName: str("vpc-cni"), KubernetesVersion: str("1.34")})
			must(t, err)
			older := offered.Addons[0].AddonVersions[1].AddonVersion
			in := &eks.CreateAddonInput{ClusterName: str("c"), AddonName: str("vpc-cni"), AddonVersion: older, ClientRequestToken: str("1")}
			for range 2 {
				_, err = r.eks.CreateAddon(t.Context(), in)
				must(t, err)
			}
			in.ClientRequestToken = str("2")
			_, err = r.eks.CreateAddon(t.Context(), in)
			is(t, "ResourceInUseException", err)
			r.advance(soon)
			newest := offered.Addons[0].AddonVersions[0].AddonVersion
			_, err = r.eks.UpdateAddon(t.Context(), &eks.UpdateAddonInput{ClusterName: str("c"), AddonName: str("vpc-cni"), AddonVersion: newest})
			must(t, err)
			r.advance(soon)
			if a := r.addon("c", "vpc-cni"); *a.AddonVersion != *newest {
				t.Fatal(*a.AddonVersion)
			}
			_, err = r.eks.DeleteAddon(t.Context(), &eks.DeleteAddonInput{ClusterName: str("c"), AddonName: str("vpc-cni")})
			must(t, err)
			r.advance(soon)
			out, err := r.eks.ListAddons(t.Context(), &eks.ListAddonsInput{ClusterName: str("c")})
			if err != nil || len(out.Addons) > 0 {
				t.Fatal(out, err)
			}
		}},
		{"a node group must not be newer than its cluster", func(t *testing.T, r *rig, g ground) {
			in := g.nodegroup("c", "m", "1")
			in.Version = str("1.35")
			_, err := r.eks.CreateNodegroup(t.Context(), in)
			is(t, "InvalidParameterException", err)
			_, err = r.eks.UpdateNodegroupVersion(t.Context(), &eks.UpdateNodegroupVersionInput{ClusterName: str("c"), NodegroupName: str("n"), Version: str("1.35")})
			is(t, "InvalidParameterException", err)
		}},
	})
}

func (r *rig) addon(cluster, name string) *ekst.Addon {
	r.Helper()
	out, err := r.eks.DescribeAddon(r.Context(), &eks.DescribeAddonInput{ClusterName: &cluster, AddonName: &name})
	must(r, err)
	return out.Addon
}

func TestPodIdentity(t *testing.T) {
	r, _ := lifelike(t)
	role, err := r.role(t.Context(), "pods")
	must(t, err)
	in := &eks.CreatePodIdentityAssociationInput{ClusterName: str("c"), Namespace: str("kube-system"), ServiceAccount: str("ebs"), RoleArn: &role, ClientRequestToken: str("1")}
	_, err = r.eks.CreatePodIdentityAssociation(t.Context(), in)
	if is(t, "InvalidParameterException", err); !strings.Contains(err.Error(), "does not exist") {
		t.Fatal(err)
	}
	r.advance(soon)
	first, err := r.eks.CreatePodIdentityAssociation(t.Context(), in)
	must(t, err)
	again, err := r.eks.CreatePodIdentityAssociation(t.Context(), in)
	if err != nil || *again.Association.AssociationId != *first.Association.AssociationId {
		t.Fatal(err)
	}
	in.ClientRequestToken = str("2")
	_, err = r.eks.CreatePodIdentityAssociation(t.Context(), in)
	is(t, "ResourceInUseException", err)
	found, err := r.eks.ListPodIdentityAssociations(t.Context(), &eks.ListPodIdentityAssociationsInput{ClusterName: str("c"), ServiceAccount: str("ebs")})
	if err != nil || len(found.Associations) != 1 {
		t.Fatal(found, err)
	}
	_, err = r.eks.DeletePodIdentityAssociation(t.Context(), &eks.DeletePodIdentityAssociationInput{ClusterName: str("c"), AssociationId: first.Association.AssociationId})
	must(t, err)
	_, err = r.eks.DescribePodIdentityAssociation(t.Context(), &eks.DescribePodIdentityAssociationInput{ClusterName: str("c"), AssociationId: first.Association.AssociationId})
	is(t, "ResourceNotFoundException", err)
}

func TestLabelsAndTaints(t *testing.T) {
	r, g := lifelike(t)
	in := g.nodegroup("c", "m", "1")
	in.Labels = map[string]string{"a": "1", "b": "1"}
	in.Taints = []ekst.Taint{{Key: str("k"), Value: str("1"), Effect: ekst.TaintEffectNoSchedule}, {Key: str("l"), Effect: ekst.TaintEffectNoExecute}}
	_, err := r.eks.CreateNodegroup(t.Context(), in)
	must(t, err)
	r.advance(soon)
	_, err = r.eks.UpdateNodegroupConfig(t.Context(), &eks.UpdateNodegroupConfigInput{
		ClusterName: str("c"), NodegroupName: str("m"),
		Labels: &ekst.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{"b": "2", "c": "2"}, RemoveLabels: []string{"a"}},
		Taints: &ekst.UpdateTaintsPayload{AddOrUpdateTaints: []ekst.Taint{{Key: str("k"), Value: str("2"), Effect: ekst.TaintEffectNoSchedule}}, RemoveTaints: []ekst.Taint{{Key: str("l"), Effect: ekst.TaintEffectNoExecute}}},
	})
	must(t, err)
	if n := r.group("c", "m"); n.Status != ekst.NodegroupStatusUpdating || n.Labels["b"] != "1" {
		t.Fatalf("%+v", n)
	}
	r.advance(soon)
	n := r.group("c", "m")
	if got := slices.Sorted(maps.Keys(n.Labels)); !slices.Equal(got, []string{"b", "c"}) || n.Labels["b"] != "2" {
		t.Error(n.Labels)
	}
	if len(n.Taints) != 1 || *n.Taints[0].Value != "2" {
		t.Error(n.Taints)
	}
}
