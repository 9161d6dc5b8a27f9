package sdktest

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

// TestBehind has another cluster behind the emulated one: its API answers, with the rights of the kubeconfig for who comes
// with a token of EKS', and with its own judgement for who comes with any other.
func TestBehind(t *testing.T) {
	behind, _ := running(t)
	kubeconfig := behind.kubeconfig(token(t, behind.sts, "c", time.Time{}))
	r := openWith(t, aws.Options{Dir: t.TempDir(), Kubeconfig: kubeconfig})
	g := r.ground()
	_, err := r.eks.CreateCluster(t.Context(), g.cluster("c", "1"))
	must(t, err)
	kubetest.Conform(t, r.kube(token(t, r.sts, "c", time.Time{})), "behind")

	t.Run("what is applied is in the cluster behind", func(t *testing.T) {
		_, err := r.kube(token(t, r.sts, "c", time.Time{})).Apply(t.Context(), kubetest.Object("v1", "Namespace", "", "through", nil))
		must(t, err)
		_, err = behind.kube(token(t, behind.sts, "c", time.Time{})).Get(t.Context(), "v1", "Namespace", "", "through")
		must(t, err)
	})
	t.Run("another's token is for the cluster behind to judge", func(t *testing.T) {
		_, err := r.kube("another").Get(t.Context(), "v1", "Namespace", "", "through")
		if kube.CodeOf(err) != kube.Forbidden {
			t.Fatal(err)
		}
	})
	t.Run("a token for another cluster gets nowhere", func(t *testing.T) {
		_, err := r.kube(token(t, r.sts, "d", time.Time{})).Get(t.Context(), "v1", "Namespace", "", "through")
		if kube.CodeOf(err) != kube.Forbidden {
			t.Fatal(err)
		}
	})
}

// kubeconfig writes a file that leads to the cluster c.
func (r *rig) kubeconfig(bearer string) string {
	r.Helper()
	out, err := r.eks.DescribeCluster(r.Context(), &eks.DescribeClusterInput{Name: str("c")})
	must(r, err)
	file := filepath.Join(r.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}], users: [{name: u, user: {token: %q}}]}`,
		*out.Cluster.Endpoint, base64.StdEncoding.EncodeToString(r.cloud.CA()), bearer)
	must(r, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// TestClusterTrouble has trouble with a cluster's own API.
func TestClusterTrouble(t *testing.T) {
	r, _ := running(t)
	api := r.kube(token(t, r.sts, "c", time.Time{}))
	apply := func() error {
		_, err := api.Apply(t.Context(), kubetest.Object("v1", "Namespace", "", "x", nil))
		return err
	}
	there := func() bool {
		_, err := api.Get(t.Context(), "v1", "Namespace", "", "x")
		return err == nil
	}
	for _, row := range []struct {
		name  string
		fault emulator.Fault
		want  kube.Code
		there bool
	}{
		{"it fails before", emulator.Fault{Op: "kubernetes:Apply", Code: "InternalError"}, kube.Unavailable, false},
		{"it is forbidden", emulator.Fault{Op: "kubernetes:Apply", Match: "c/namespaces/x", Code: "Forbidden", Status: 403}, kube.Forbidden, false},
		{"it is cut", emulator.Fault{Op: "kubernetes:Apply", Cut: true}, kube.Unavailable, false},
		{"its answer is lost", emulator.Fault{Op: "kubernetes:Apply", Lost: true}, kube.Unavailable, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			must(t, api.Delete(t.Context(), "v1", "Namespace", "", "x"))
			r.inject(row.fault)
			if err := apply(); kube.CodeOf(err) != row.want || there() != row.there {
				t.Fatalf("%v, there: %v", err, there())
			}
			must(t, apply())
		})
	}
}
