package process

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/aeriehq/aerie/cloud"
	awscloud "github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/internal/client"
)

// autoscaler is a chart that takes the values of the official one which the offer gives, and makes the same of them.
var autoscaler = map[string]string{
	"Chart.yaml": "apiVersion: v2\nname: cluster-autoscaler\nversion: 9.43.1\n",
	"templates/all.yaml": `apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Values.rbac.serviceAccount.name }}
  annotations: {{ toYaml .Values.rbac.serviceAccount.annotations | nindent 4 }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: autoscaler}
spec:
  selector: {matchLabels: {app: autoscaler}}
  template:
    metadata: {labels: {app: autoscaler}}
    spec:
      serviceAccountName: {{ .Values.rbac.serviceAccount.name }}
      containers:
        - name: autoscaler
          image: registry.k8s.io/autoscaling/cluster-autoscaler:v1.31.0
          command: ["--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{{ .Values.autoDiscovery.clusterName }}"]
          env: [{name: AWS_REGION, value: {{ .Values.awsRegion }}}]
`,
}

// chartServer serves a chart as a repository does.
func chartServer(t *testing.T, name, version string, files map[string]string) (url string, login helm.Login) {
	t.Helper()
	s := httptest.NewTLSServer(chartRepository(t, name, version, files))
	t.Cleanup(s.Close)
	return s.URL, helm.Login{CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))}
}

// chartRepository answers with an index that has one chart, and with that.
func chartRepository(t *testing.T, name, version string, files map[string]string) http.HandlerFunc {
	t.Helper()
	var chart bytes.Buffer
	zip := gzip.NewWriter(&chart)
	archive := tar.NewWriter(zip)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if err := archive.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: 0o644, Size: int64(len(files[file]))}); err != nil {
			t.Fatal(err)
		}
		_, _ = archive.Write([]byte(files[file]))
	}
	_, _ = archive.Close(), zip.Close()
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/index.yaml" {
			fmt.Fprintf(w, "apiVersion: v1\nentries:\n  %[1]s:\n  - {apiVersion: v2, name: %[1]s, version: %[2]s, urls: [chart.tgz]}\n", name, version)
			return
		}
		_, _ = w.Write(chart.Bytes())
	}
}

// TestOfferWithAutoscaler applies the offer for AWS, with its chart from a repository nearby: when the dataplane is Active
// its autoscaler is there, as the role that may scale this cluster and no other.
func TestOfferWithAutoscaler(t *testing.T) {
	a, _ := emulateAWS(t, 600, nil)
	p := a.server("600")
	url, login := chartServer(t, "cluster-autoscaler", "9.43.1", autoscaler)
	offer := a.offer("aws")
	file := filepath.Join(offer, "20-dataplane.yaml")
	official := `repository: "https://kubernetes.github.io/autoscaler"`
	nearby := strings.Replace(string(read(t, file)), official, fmt.Sprintf("repository: %q, credentials: nearby", url), 1)
	overwrite(t, file, nearby)
	p.knows("-", "nearby", login)
	p.start()
	if s := p.cli("apply", "-f", offer, "--wait", "--timeout", "3m"); s.code != 0 {
		t.Fatalf("apply: %+v\n%s\n%s", s, p.cli("why", "addon", "eu_cluster-autoscaler").out, p.log)
	}
	api, cluster := a.inCluster(p, "eu")
	a.mayScale(api, cluster)
	if err := api.Delete(t.Context(), "apps/v1", "Deployment", "cluster-autoscaler", "autoscaler"); err != nil {
		t.Fatal(err)
	}
	history := func() string { return p.cli("history", "addon", "eu_cluster-autoscaler").out }
	for end := time.Now().Add(2 * time.Minute); strings.Count(history(), "deployed") < 2; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not repaired: %s\n%s", history(), p.log)
		}
	}
	if got := history(); strings.Count(got, "drifted") != 1 {
		t.Errorf("it drifted once: %s", got)
	}
	a.mayScale(api, cluster)
	p.empty()
	if left := a.ledger().Live(time.Now()); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}

// inCluster is the API of a dataplane's cluster, and its name.
func (a *emulatedAWS) inCluster(p *process, dataplane string) (kube.API, string) {
	a.t.Helper()
	to, cluster := a.wayIn(p, dataplane)
	api, err := kube.Connect(to.Endpoint, to.CA, to.Token)
	if err != nil {
		a.t.Fatal(err)
	}
	return api, cluster
}

// wayIn is how to reach the API of a dataplane's cluster in eu-central, and its name.
func (a *emulatedAWS) wayIn(p *process, dataplane string) (cloud.Access, string) {
	a.t.Helper()
	var e client.Entity
	if err := json.Unmarshal([]byte(p.cli("get", "dataplane", dataplane, "-o", "json").out), &e); err != nil {
		a.t.Fatal(err)
	}
	cluster, _ := e.Status.Observed["cluster"].(string)
	env := map[string]string{}
	for _, one := range a.env {
		name, value, _ := strings.Cut(one, "=")
		env[name] = value
	}
	ca, err := os.ReadFile(env["AWS_CA_BUNDLE"])
	if err != nil {
		a.t.Fatal(err)
	}
	c, err := config.LoadDefaultConfig(a.t.Context(), config.WithRegion(env["AWS_REGION"]), config.WithBaseEndpoint(env["AWS_ENDPOINT_URL"]), config.WithCustomCABundle(bytes.NewReader(ca)),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")))
	if err != nil {
		a.t.Fatal(err)
	}
	to, err := awscloud.New(awscloud.Options{Config: c}).Access(a.t.Context(), cloud.Scope{Account: cloud.Account{ID: "111122223333"}, Region: "eu-central"}, cluster)
	if err != nil {
		a.t.Fatal(err)
	}
	return to, cluster
}

// mayScale asserts that the autoscaler in a cluster is for that, and runs as a role that is for that.
func (a *emulatedAWS) mayScale(api kube.API, cluster string) {
	a.t.Helper()
	const namespace = "cluster-autoscaler"
	account, err := api.Get(a.t.Context(), "v1", "ServiceAccount", namespace, "cluster-autoscaler")
	if err != nil {
		a.t.Fatal(err)
	}
	runs, err := api.Get(a.t.Context(), "apps/v1", "Deployment", namespace, "autoscaler")
	if err != nil {
		a.t.Fatal(err)
	}
	text := fmt.Sprint(runs)
	if !strings.Contains(text, "k8s.io/cluster-autoscaler/"+cluster) || !strings.Contains(text, "eu-central-1") {
		a.t.Errorf("the autoscaler of %s is %s", cluster, text)
	}
	for _, e := range a.ledger().Things {
		if e.Kind != "role" || !strings.Contains(fmt.Sprint(account), fmt.Sprint(e.Doc["Arn"])) {
			continue
		}
		role := fmt.Sprint(e.Doc)
		if !strings.Contains(role, "system:serviceaccount:cluster-autoscaler:cluster-autoscaler") || !strings.Contains(role, "k8s.io/cluster-autoscaler/"+cluster) || !strings.Contains(role, `"aws:RequestedRegion":"eu-central-1"`) {
			a.t.Errorf("the role is %s", role)
		}
		return
	}
	a.t.Errorf("its service account is no role's: %v", account)
}
