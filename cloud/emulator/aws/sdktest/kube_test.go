package sdktest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekst "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"k8s.io/client-go/rest"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// running has an ACTIVE cluster c with a node group n of two.
func running(t *testing.T) (*rig, ground) {
	t.Helper()
	r := start(t, 0)
	g := r.ground()
	_, err := r.eks.CreateCluster(t.Context(), g.cluster("c", "1"))
	must(t, err)
	_, err = r.eks.CreateNodegroup(t.Context(), g.nodegroup("c", "n", "1"))
	must(t, err)
	return r, g
}

// presigned signs as of now, or of another time, with a header or none.
type presigned struct {
	sts.HTTPPresignerV4
	at time.Time
	id string
}

func (p presigned) PresignHTTP(ctx context.Context, c awssdk.Credentials, r *http.Request, payload, service, region string, at time.Time, opts ...func(*v4.SignerOptions)) (string, http.Header, error) {
	if !p.at.IsZero() {
		at = p.at
	}
	if p.id != "" {
		r.Header.Set("X-K8s-Aws-Id", p.id)
	}
	q := r.URL.Query()
	q.Set("X-Amz-Expires", "60")
	r.URL.RawQuery = q.Encode()
	return p.HTTPPresignerV4.PresignHTTP(ctx, c, r, payload, service, region, at, opts...)
}

func token(t testing.TB, c *sts.Client, id string, at time.Time) string {
	t.Helper()
	out, err := sts.NewPresignClient(c).PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}, func(o *sts.PresignOptions) {
		o.Presigner = presigned{v4.NewSigner(), at, id}
	})
	must(t, err)
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(out.URL))
}

func (r *rig) kube(bearer string) *kube.Cluster {
	r.Helper()
	c, err := kube.NewCluster(r.kubeConfig(bearer))
	must(r, err)
	return c
}

func (r *rig) kubeConfig(bearer string) *rest.Config {
	r.Helper()
	out, err := r.eks.DescribeCluster(r.Context(), &eks.DescribeClusterInput{Name: str("c")})
	must(r, err)
	ca, err := base64.StdEncoding.DecodeString(*out.Cluster.CertificateAuthority.Data)
	must(r, err)
	return &rest.Config{Host: *out.Cluster.Endpoint, BearerToken: bearer, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func TestClusterConforms(t *testing.T) {
	r, _ := running(t)
	api := r.kube(token(t, r.sts, "c", time.Time{}))
	kubetest.Conform(t, api, "conform")
}

func TestClusterOnlyStores(t *testing.T) {
	r, _ := running(t)
	stores, err := r.kube(token(t, r.sts, "c", time.Time{})).IsStoreOnly(t.Context())
	if err != nil || !stores {
		t.Fatal(stores, err)
	}
}

func TestNodesAreThere(t *testing.T) {
	r, _ := running(t)
	api := r.kube(token(t, r.sts, "c", time.Time{}))
	found, err := api.List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Node", Labels: map[string]string{"eks.amazonaws.com/nodegroup": "n"}})
	must(t, err)
	if len(found) != 2 || found[0].Labels()["topology.kubernetes.io/zone"] != region+"a" {
		t.Fatal(found)
	}
	_, err = api.Get(t.Context(), "v1", "Node", "", found[1].Name())
	must(t, err)
}

func TestCustomKinds(t *testing.T) {
	r, _ := running(t)
	api := r.kube(token(t, r.sts, "c", time.Time{}))
	wish := kubetest.Object("example.com/v1", "Wish", "default", "w", nil)
	_, err := api.Apply(t.Context(), kubetest.Object("v1", "Namespace", "", "default", nil))
	must(t, err)
	if _, err = api.Apply(t.Context(), wish); kube.CodeOf(err) != kube.Invalid {
		t.Fatal(err)
	}
	_, err = api.Apply(t.Context(), kubetest.Object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "wishes.example.com", map[string]any{"spec": map[string]any{
		"group": "example.com", "scope": "Namespaced", "names": map[string]any{"kind": "Wish", "plural": "wishes"}, "versions": []any{map[string]any{"name": "v1", "served": true}},
	}}))
	must(t, err)
	changed, err := api.Apply(t.Context(), wish)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
}

// TestWhoMayIn is who is let into a cluster's API.
func TestWhoMayIn(t *testing.T) {
	r, _ := running(t)
	customer, err := r.as(r.accounts()[1].Roles[0].ExternalID)
	must(t, err)
	now := time.Now()
	for _, row := range []struct {
		name  string
		token string
		want  kube.Code
	}{
		{"who made the cluster", token(t, r.sts, "c", now), ""},
		{"no token", "", kube.Forbidden},
		{"another's token", "eyJhbGciOiJSUzI1NiJ9.e30.x", kube.Forbidden},
		{"a token for another cluster", token(t, r.sts, "d", now), kube.Forbidden},
		{"a token that names no cluster", token(t, r.sts, "", now), kube.Forbidden},
		{"a token of a quarter of an hour ago", token(t, r.sts, "c", now.Add(-16*time.Minute)), kube.Forbidden},
		{"a principal without an entry", token(t, customer.sts, "c", now), kube.Forbidden},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := r.kube(row.token).List(t.Context(), kube.Selector{APIVersion: "v1", Kind: "Namespace"})
			if kube.CodeOf(err) != row.want {
				t.Fatalf("%v, want %q", err, row.want)
			}
		})
	}
}

// TestPresigned asks STS itself with a presigned URL, as an authenticator would.
func TestPresigned(t *testing.T) {
	r := start(t, 0)
	for _, row := range []struct {
		name   string
		at     time.Time
		header string
		want   int
	}{
		{"as it was signed", time.Now(), "c", 200},
		{"some minutes later", time.Now().Add(-10 * time.Minute), "c", 200},
		{"too late", time.Now().Add(-16 * time.Minute), "c", 403},
		{"with another header than was signed", time.Now(), "d", 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			target, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token(t, r.sts, "c", row.at), "k8s-aws-v1."))
			must(t, err)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, string(target), nil)
			must(t, err)
			req.Header.Set("X-K8s-Aws-Id", row.header)
			resp, err := r.cfg.HTTPClient.Do(req)
			must(t, err)
			must(t, resp.Body.Close())
			if resp.StatusCode != row.want {
				t.Fatal(resp.Status)
			}
		})
	}
}

// TestAccessEntry lets another principal in, as far as its policy goes.
func TestAccessEntry(t *testing.T) {
	r, _ := running(t)
	customer, err := r.as(r.accounts()[1].Roles[0].ExternalID)
	must(t, err)
	principal := "arn:aws:iam::" + r.accounts()[1].ID + ":role/aerie"
	_, err = r.eks.CreateAccessEntry(t.Context(), &eks.CreateAccessEntryInput{ClusterName: str("c"), PrincipalArn: &principal})
	must(t, err)
	api := r.kube(token(t, customer.sts, "c", time.Time{}))
	namespace := kubetest.Object("v1", "Namespace", "", "x", nil)
	_, err = api.Apply(t.Context(), namespace)
	if kube.CodeOf(err) != kube.Forbidden {
		t.Fatal(err)
	}
	for policy, want := range map[string]kube.Code{"AmazonEKSViewPolicy": kube.Forbidden, "AmazonEKSClusterAdminPolicy": ""} {
		t.Run(policy, func(t *testing.T) {
			arn := "arn:aws:eks::aws:cluster-access-policy/" + policy
			_, err := r.eks.AssociateAccessPolicy(t.Context(), &eks.AssociateAccessPolicyInput{ClusterName: str("c"), PrincipalArn: &principal, PolicyArn: &arn, AccessScope: &ekst.AccessScope{Type: ekst.AccessScopeTypeCluster}})
			must(t, err)
			_, err = api.Apply(t.Context(), namespace)
			if kube.CodeOf(err) != want {
				t.Fatal(err)
			}
			_, err = r.eks.DisassociateAccessPolicy(t.Context(), &eks.DisassociateAccessPolicyInput{ClusterName: str("c"), PrincipalArn: &principal, PolicyArn: &arn})
			must(t, err)
		})
	}
}

// TestObjectsSurvive has a cluster's objects after a restart, and not in the next cluster of its name.
func TestObjectsSurvive(t *testing.T) {
	r, g := running(t)
	namespace := kubetest.Object("v1", "Namespace", "", "kept", nil)
	_, err := r.kube(token(t, r.sts, "c", time.Time{})).Apply(t.Context(), namespace)
	must(t, err)
	must(t, r.cloud.Close())
	r = open(t, r.dir, 0)
	_, err = r.kube(token(t, r.sts, "c", time.Time{})).Get(t.Context(), "v1", "Namespace", "", "kept")
	must(t, err)
	_, err = r.cloud.ByHand(emulator.ManualChange{Delete: "cluster", Match: "c"})
	must(t, err)
	_, err = r.eks.CreateCluster(t.Context(), g.cluster("c", "2"))
	must(t, err)
	_, err = r.kube(token(t, r.sts, "c", time.Time{})).Get(t.Context(), "v1", "Namespace", "", "kept")
	if kube.CodeOf(err) != kube.NotFound {
		t.Fatal(err)
	}
}

// TestLoadBalancerStays has a Service's load balancer hold the network, also when the cluster is gone.
func TestLoadBalancerStays(t *testing.T) {
	r, g := running(t)
	api := r.kube(token(t, r.sts, "c", time.Time{}))
	_, err := api.Apply(t.Context(), kubetest.Object("v1", "Namespace", "", "x", nil))
	must(t, err)
	balancers := func() int {
		out, err := r.ec2.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{Filters: []ec2t.Filter{{Name: str("requester-id"), Values: []string{"amazon-elb"}}}})
		must(t, err)
		return len(out.NetworkInterfaces)
	}
	service := func(kind string) {
		_, err := api.Apply(t.Context(), kubetest.Object("v1", "Service", "x", "s", map[string]any{"spec": map[string]any{"type": kind}}))
		must(t, err)
	}
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{
		{"a Service in the cluster has none", func() { service("ClusterIP") }, 0},
		{"one for the world has one in each subnet", func() { service("LoadBalancer") }, 2},
		{"applied again it has the same", func() { service("LoadBalancer") }, 2},
		{"it goes with its namespace", func() { must(t, api.Delete(t.Context(), "v1", "Namespace", "", "x")) }, 0},
	} {
		step.do()
		if got := balancers(); got != step.want {
			t.Fatalf("%s: %d", step.name, got)
		}
	}
	_, err = api.Apply(t.Context(), kubetest.Object("v1", "Namespace", "", "x", nil))
	must(t, err)
	service("LoadBalancer")
	_, err = r.cloud.ByHand(emulator.ManualChange{Delete: "cluster", Match: "c"})
	must(t, err)
	if got := balancers(); got != 2 {
		t.Fatal(got)
	}
	_, err = r.ec2.DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: &g.subnets[0]})
	is(t, "DependencyViolation", err)
}

// TestWhoHasChangedAnObject has a rival set a field under a name of its own, and aerie set it back.
func TestWhoHasChangedAnObject(t *testing.T) {
	r, _ := running(t)
	bearer := token(t, r.sts, "c", time.Time{})
	api := r.kube(bearer)
	settings := func(v string) kube.Object {
		return kubetest.Object("v1", "ConfigMap", "default", "settings", map[string]any{"data": map[string]any{"k": v}})
	}
	apply := func(o kube.Object) {
		t.Helper()
		_, err := api.Apply(t.Context(), o)
		must(t, err)
	}
	by := func(want string) {
		t.Helper()
		who, err := api.ChangedBy(t.Context(), settings("").Key())
		if err != nil || who != want {
			t.Fatalf("changed by %q, %v, want %q", who, err, want)
		}
	}
	apply(settings("ours"))
	by("")
	config := r.kubeConfig(bearer)
	client, err := rest.HTTPClientFor(config)
	must(t, err)
	body, err := json.Marshal(settings("theirs"))
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch,
		config.Host+"/api/v1/namespaces/default/configmaps/settings?force=true&fieldManager=argocd-controller", bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/apply-patch+yaml")
	resp, err := client.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	by("argocd-controller")
	apply(settings("ours"))
	by("")
}
