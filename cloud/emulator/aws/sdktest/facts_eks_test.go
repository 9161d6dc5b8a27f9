package sdktest

import (
	"errors"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// fact is one thing that is known of EKS. The test has a cluster c that is ACTIVE, with a node group n that is too.
type fact struct {
	name string
	test func(*testing.T, *rig, ground)
}

func factsOf(t *testing.T, facts []fact) {
	for _, f := range facts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r, g := lifelike(t)
			r.T = t
			f.test(t, r, g)
		})
	}
}

// lifelike is running at the speed of life.
func lifelike(t *testing.T) (*rig, ground) {
	t.Helper()
	r := start(t, 1)
	g := r.ground()
	_, err := r.eks.CreateCluster(t.Context(), g.cluster("c", "1"))
	must(t, err)
	r.advance(soon)
	_, err = r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "n", "1"))
	must(t, err)
	r.advance(soon)
	return r, g
}

func TestIdempotency(t *testing.T) {
	factsOf(t, []fact{
		{"a token with the same parameters is the same answer", func(t *testing.T, r *rig, g ground) {
			out, err := r.eks.CreateCluster(t.Context(), g.cluster("c", "1"))
			if err != nil || *out.Cluster.Name != "c" {
				t.Fatal(err)
			}
			n, err := r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "n", "1"))
			if err != nil || n.Nodegroup.Status != ekst.NodegroupStatusActive {
				t.Fatal(err)
			}
		}},
		{"another token is a conflict", func(t *testing.T, r *rig, g ground) {
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("c", "2"))
			var inUse *ekst.ResourceInUseException
			if !errors.As(err, &inUse) || *inUse.ClusterName != "c" {
				t.Fatal(err)
			}
			_, err = r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "n", "2"))
			if !errors.As(err, &inUse) || *inUse.NodegroupName != "n" {
				t.Fatal(err)
			}
		}},
		{"a token with other parameters is a conflict", func(t *testing.T, r *rig, g ground) {
			in := g.cluster("c", "1")
			in.Version = str("1.33")
			_, err := r.eks.CreateCluster(t.Context(), in)
			is(t, "ResourceInUseException", err)
		}},
		{"an update's token is the same update", func(t *testing.T, r *rig, _ ground) {
			in := &eks.UpdateClusterVersionInput{Name: str("c"), Version: str("1.35"), ClientRequestToken: str("u")}
			first, err := r.eks.UpdateClusterVersion(t.Context(), in)
			must(t, err)
			second, err := r.eks.UpdateClusterVersion(t.Context(), in)
			if err != nil || *first.Update.Id != *second.Update.Id {
				t.Fatal(err)
			}
		}},
		{"deleting the absent is not found", func(t *testing.T, r *rig, _ ground) {
			_, err := r.eks.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: str("x")})
			is(t, "ResourceNotFoundException", err)
			_, err = r.eks.DeleteNodegroup(t.Context(), &eks.DeleteNodegroupInput{ClusterName: str("c"), NodegroupName: str("x")})
			is(t, "ResourceNotFoundException", err)
			_, err = r.eks.DeleteAddon(t.Context(), &eks.DeleteAddonInput{ClusterName: str("c"), AddonName: str("coredns")})
			is(t, "ResourceNotFoundException", err)
			_, err = r.eks.DeleteAccessEntry(t.Context(), &eks.DeleteAccessEntryInput{ClusterName: str("c"), PrincipalArn: str("arn:aws:iam::111122223333:role/x")})
			is(t, "ResourceNotFoundException", err)
		}},
	})
}

// TestNames has names that are unique in one account and region, and no more.
func TestNames(t *testing.T) {
	r, g := lifelike(t)
	_, err := r.eks.CreateCluster(t.Context(), g.cluster("c", "another's"))
	is(t, "ResourceInUseException", err)
	out, err := r.eks.DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: str("c")})
	if err != nil || out.Cluster.Tags["aerie.io/owner"] != "a" {
		t.Fatal("whose it is cannot be read", err)
	}
	r.cfg.Region = "us-east-1"
	r.clients = clientsOf(r.cfg)
	g.subnets = r.network("10.1.0.0/16", "us-east-1a", "us-east-1b")
	_, err = r.eks.CreateCluster(t.Context(), g.cluster("c", "1"))
	must(t, err)
	if s := r.status("c"); s != "CREATING" {
		t.Fatal(s)
	}
}

func TestStatus(t *testing.T) {
	factsOf(t, []fact{
		{"a failed cluster stays failed, and can be deleted", func(t *testing.T, r *rig, g ground) {
			r.inject(emulator.Fault{Op: "CreateCluster", Issue: true, Code: "InternalFailure", Message: "it did not come up"})
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
			must(t, err)
			for range 2 {
				r.advance(soon)
				out, err := r.eks.DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: str("d")})
				must(t, err)
				if c := out.Cluster; c.Status != ekst.ClusterStatusFailed || c.Health.Issues[0].Code != "InternalFailure" || c.Endpoint != nil {
					t.Fatalf("%+v", c)
				}
			}
			_, err = r.eks.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: str("d")})
			must(t, err)
		}},
		{"a cluster can be stuck in creation", func(t *testing.T, r *rig, g ground) {
			r.inject(emulator.Fault{Op: "CreateCluster", Stuck: true})
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
			must(t, err)
			r.advance(soon)
			if s := r.status("d"); s != "CREATING" {
				t.Fatal(s)
			}
		}},
		{"a cluster is deleting, then gone", func(t *testing.T, r *rig, g ground) {
			_, err := r.eks.CreateCluster(t.Context(), g.cluster("d", "1"))
			must(t, err)
			r.advance(soon)
			_, err = r.eks.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: str("d")})
			must(t, err)
			if s := r.status("d"); s != "DELETING" {
				t.Fatal(s)
			}
			_, err = r.eks.CreateCluster(t.Context(), g.cluster("d", "2"))
			is(t, "ResourceInUseException", err)
			r.advance(soon)
			if s := r.status("d"); s != "ResourceNotFoundException" {
				t.Fatal(s)
			}
		}},
		{"a node group that cannot be deleted says so", func(t *testing.T, r *rig, _ ground) {
			r.inject(emulator.Fault{Op: "DeleteNodegroup", Issue: true, Code: "Ec2SecurityGroupDeletionFailure", Message: "in use"})
			_, err := r.eks.DeleteNodegroup(t.Context(), &eks.DeleteNodegroupInput{ClusterName: str("c"), NodegroupName: str("n")})
			must(t, err)
			r.advance(soon)
			if n := r.group("c", "n"); n.Status != ekst.NodegroupStatusDeleteFailed || n.Health.Issues[0].Code != "Ec2SecurityGroupDeletionFailure" {
				t.Fatalf("%+v", n)
			}
		}},
		{"a node group can be degraded behind our back", func(t *testing.T, r *rig, _ ground) {
			_, err := r.cloud.ByHand(emulator.ManualChange{Change: "nodegroup", Match: "n", Set: emulator.Doc{"status": "DEGRADED", "health": emulator.Doc{"issues": []any{emulator.Doc{"code": "AutoScalingGroupNotFound", "message": "gone"}}}}})
			must(t, err)
			if n := r.group("c", "n"); n.Status != ekst.NodegroupStatusDegraded || n.Health.Issues[0].Code != "AutoScalingGroupNotFound" {
				t.Fatalf("%+v", n)
			}
		}},
	})
}

func TestInUse(t *testing.T) {
	factsOf(t, []fact{
		{"a cluster with node groups", func(t *testing.T, r *rig, _ ground) {
			_, err := r.eks.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: str("c")})
			var inUse *ekst.ResourceInUseException
			if !errors.As(err, &inUse) || *inUse.NodegroupName != "n" {
				t.Fatal(err)
			}
		}},
		{"a cluster that is updated", func(t *testing.T, r *rig, _ ground) {
			_, err := r.eks.UpdateClusterVersion(t.Context(), &eks.UpdateClusterVersionInput{Name: str("c"), Version: str("1.35")})
			must(t, err)
			_, err = r.eks.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: str("c")})
			if is(t, "ResourceInUseException", err); !strings.Contains(err.Error(), "in progress") {
				t.Fatal(err)
			}
		}},
		{"a cluster that is protected", func(t *testing.T, r *rig, g ground) {
			in := g.cluster("d", "1")
			in.DeletionProtection = awssdk.Bool(true)
			_, err := r.eks.CreateCluster(t.Context(), in)
			must(t, err)
			r.advance(soon)
			_, err = r.eks.DeleteCluster(t.Context(), &eks.DeleteClusterInput{Name: str("d")})
			is(t, "InvalidRequestException", err)
		}},
	})
}

func TestUpdates(t *testing.T) {
	factsOf(t, []fact{
		{"one version at a time, upwards", func(t *testing.T, r *rig, _ ground) {
			for to, code := range map[string]string{"1.34": "InvalidParameterException", "1.36": "InvalidParameterException", "1.33": "InvalidParameterException", "9.9": "InvalidParameterException"} {
				_, err := r.eks.UpdateClusterVersion(t.Context(), &eks.UpdateClusterVersionInput{Name: str("c"), Version: &to})
				is(t, code, err)
			}
			out, err := r.eks.UpdateClusterVersion(t.Context(), &eks.UpdateClusterVersionInput{Name: str("c"), Version: str("1.35")})
			must(t, err)
			if s := r.status("c"); s != "UPDATING" {
				t.Fatal(s)
			}
			r.advance(soon)
			u, err := r.eks.DescribeUpdate(t.Context(), &eks.DescribeUpdateInput{Name: str("c"), UpdateId: out.Update.Id})
			must(t, err)
			c, err := r.eks.DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: str("c")})
			must(t, err)
			if u.Update.Status != ekst.UpdateStatusSuccessful || c.Cluster.Status != ekst.ClusterStatusActive || *c.Cluster.Version != "1.35" {
				t.Fatalf("%+v %+v", u.Update, c.Cluster)
			}
		}},
		{"one update at a time", func(t *testing.T, r *rig, _ ground) {
			logs := &eks.UpdateClusterConfigInput{Name: str("c"), Logging: &ekst.Logging{ClusterLogging: []ekst.LogSetup{{Enabled: awssdk.Bool(true), Types: []ekst.LogType{"api"}}}}}
			_, err := r.eks.UpdateClusterConfig(t.Context(), logs)
			must(t, err)
			_, err = r.eks.UpdateClusterVersion(t.Context(), &eks.UpdateClusterVersionInput{Name: str("c"), Version: str("1.35")})
			is(t, "ResourceInUseException", err)
			_, err = r.eks.UpdateNodegroupConfig(t.Context(), &eks.UpdateNodegroupConfigInput{ClusterName: str("c"), NodegroupName: str("n"), ScalingConfig: &ekst.NodegroupScalingConfig{MaxSize: awssdk.Int32(9)}})
			must(t, err)
			_, err = r.eks.UpdateNodegroupVersion(t.Context(), &eks.UpdateNodegroupVersionInput{ClusterName: str("c"), NodegroupName: str("n")})
			is(t, "ResourceInUseException", err)
			r.advance(soon)
			logs.ClientRequestToken = str("another") // the SDK has put one of its own there
			_, err = r.eks.UpdateClusterConfig(t.Context(), logs)
			is(t, "InvalidRequestException", err) // it is so already
		}},
		{"one kind of change per update", func(t *testing.T, r *rig, _ ground) {
			_, err := r.eks.UpdateClusterConfig(t.Context(), &eks.UpdateClusterConfigInput{Name: str("c"), UpgradePolicy: &ekst.UpgradePolicyRequest{SupportType: "STANDARD"}, DeletionProtection: awssdk.Bool(true)})
			is(t, "InvalidParameterException", err)
		}},
		{"an update can fail", func(t *testing.T, r *rig, _ ground) {
			r.inject(emulator.Fault{Op: "UpdateNodegroupVersion", Issue: true, Code: "PodEvictionFailure", Message: "a budget does not let go"})
			out, err := r.eks.UpdateNodegroupVersion(t.Context(), &eks.UpdateNodegroupVersionInput{ClusterName: str("c"), NodegroupName: str("n")})
			must(t, err)
			r.advance(soon)
			u, err := r.eks.DescribeUpdate(t.Context(), &eks.DescribeUpdateInput{Name: str("c"), NodegroupName: str("n"), UpdateId: out.Update.Id})
			if err != nil || u.Update.Status != ekst.UpdateStatusFailed || u.Update.Errors[0].ErrorCode != ekst.ErrorCodePodEvictionFailure {
				t.Fatalf("%+v %v", u, err)
			}
			if n := r.group("c", "n"); n.Status != ekst.NodegroupStatusActive {
				t.Fatal(n.Status)
			}
		}},
		{"the updates are listed", func(t *testing.T, r *rig, _ ground) {
			_, err := r.eks.UpdateClusterVersion(t.Context(), &eks.UpdateClusterVersionInput{Name: str("c"), Version: str("1.35")})
			must(t, err)
			out, err := r.eks.ListUpdates(t.Context(), &eks.ListUpdatesInput{Name: str("c")})
			if err != nil || len(out.UpdateIds) != 1 {
				t.Fatal(out, err)
			}
			of, err := r.eks.ListUpdates(t.Context(), &eks.ListUpdatesInput{Name: str("c"), NodegroupName: str("n")})
			if err != nil || len(of.UpdateIds) != 0 {
				t.Fatal(of, err)
			}
		}},
	})
}
