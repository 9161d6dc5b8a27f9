package aws

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/eks"
	"github.com/aeriehq/aerie/cloud/emulator/kubeapi"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// clusterPath takes apart the path of a request to a cluster's Kubernetes API.
func clusterPath(path string) (id, rest string, ok bool) {
	below, ok := strings.CutPrefix(path, eks.ClustersPath)
	id, rest, _ = strings.Cut(below, "/")
	return id, "/" + rest, ok
}

// maxObject is more than an API server takes.
const maxObject = 8 << 20

// serveCluster answers a request to a cluster's Kubernetes API.
func (s *Server) serveCluster(w http.ResponseWriter, r *http.Request, id, path string) {
	if s.behind != nil && !strings.HasPrefix(bearer(r), tokenPrefix) {
		s.behind.Serve(w, r, path, false) // the real cluster's own tokens are its own to judge
		return
	}
	var body []byte
	if s.behind == nil {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxObject)); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
	}
	what := kubeapi.Read(r.Method, path)
	k := kubeCall{server: s, http: r, id: id, path: path, body: body, what: what}
	err := s.Do(emulator.Record{ID: core.RequestID(), Service: "kubernetes", Op: what.Op, Name: what.Name}, func(c *emulator.Call) emulator.Outcome {
		k.Call = c
		return k.answer()
	})
	switch {
	case err != nil:
		s.logger.Error("the emulated cloud", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case k.lost:
		panic(http.ErrAbortHandler) // cuts the connection
	case k.passed:
		s.behind.Serve(w, r, path, true)
	default:
		k.out.Write(w)
	}
}

// kubeCall is one call to a cluster's Kubernetes API.
type kubeCall struct {
	*emulator.Call
	server   *Server
	http     *http.Request
	id, path string
	body     []byte
	what     kubeapi.What

	out    kubeapi.Answer
	lost   bool
	passed bool // to the real cluster behind
}

// answer decides a request. What only looks is not in the ledger.
func (k *kubeCall) answer() emulator.Outcome {
	cluster := k.Anywhere("cluster", func(t *emulator.Resource) bool { return t.Text("_id") == k.id })
	if cluster == nil || cluster.Text("endpoint") == "" {
		return k.refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "there is no cluster at this endpoint")
	}
	k.Account, k.Region, k.Name = cluster.Account, cluster.Region, cluster.Name+"/"+k.what.Name
	caller, why := k.authenticate(cluster)
	if why != "" {
		return k.refuse(http.StatusUnauthorized, "Unauthorized", why)
	}
	k.Caller, k.Home = caller.ARN, caller.Home
	if !k.allowed(cluster, caller) {
		return k.refuse(http.StatusForbidden, "Forbidden", "User "+caller.ARN+" has no access policy for that on this cluster")
	}
	if f, hit := k.Strike(emulator.Calling); hit {
		return k.struck(f)
	}
	if k.server.behind != nil {
		k.passed = true
		return emulator.Outcome{Status: http.StatusOK, Quiet: true}
	}
	store, err := k.Kube(cluster)
	if err != nil {
		return k.refuse(http.StatusInternalServerError, "InternalError", err.Error())
	}
	k.out = kubeapi.Serve(k.http, k.path, k.body, kubeapi.WithNodes(memory.RunJobs(store, k.Now, k.course), k.nodes(cluster)), cluster.Text("version"))
	if k.http.Method != http.MethodGet {
		if err := k.balance(cluster, store); err != nil {
			return k.refuse(http.StatusInternalServerError, "InternalError", err.Error())
		}
	}
	_, k.lost = k.Strike(emulator.Answering)
	return emulator.Outcome{Status: k.out.Status, Lost: k.lost, Quiet: k.http.Method == http.MethodGet}
}

// jobTakes is how long a Job takes at speed 1.
const jobTakes = 20 * time.Second

// course is how a Job goes that is put into the cluster: a fault of that call strikes it.
func (k *kubeCall) course() memory.Course {
	course := memory.Course{Ends: k.Call.Now.Add(k.In(jobTakes))}
	if f, hit := k.Strike(emulator.Creating); hit {
		course.Stuck = f.Stuck
		if f.Issue {
			course.Fails = cmp.Or(f.Message, f.Code)
		}
	}
	return course
}

func (k *kubeCall) refuse(status int, reason, message string) emulator.Outcome {
	k.out = kubeapi.Refuse(status, reason, message)
	return emulator.Outcome{Status: status, Code: reason, Message: message}
}

func (k *kubeCall) struck(f emulator.Fault) emulator.Outcome {
	k.lost = f.Cut
	switch {
	case f.Throttle:
		return k.refuse(http.StatusTooManyRequests, "TooManyRequests", "the server has received too many requests")
	case f.Status != 0:
		return k.refuse(f.Status, f.Code, f.Message)
	}
	return k.refuse(http.StatusServiceUnavailable, "ServiceUnavailable", f.Code+" "+f.Message)
}

const (
	tokenPrefix = "k8s-aws-v1."
	tokenLife   = 15 * time.Minute // whatever X-Amz-Expires says: STS looks at the date alone
	idHeader    = "X-K8s-Aws-Id"
)

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// authenticate finds out whose token a request bears: it is a presigned URL of STS for this very cluster.
func (k *kubeCall) authenticate(cluster *emulator.Resource) (p core.Principal, why string) {
	encoded, isToken := strings.CutPrefix(bearer(k.http), tokenPrefix)
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if !isToken || err != nil {
		return p, "the bearer token is none of EKS'"
	}
	target, err := url.Parse(string(data))
	if err != nil || target.Scheme != "https" || target.Path != "/" || target.Query().Get("Action") != "GetCallerIdentity" {
		return p, "the token is no presigned URL of GetCallerIdentity"
	}
	if target.Host != k.server.address && !(strings.HasPrefix(target.Host, "sts.") && strings.HasSuffix(target.Host, ".amazonaws.com")) {
		return p, "the token's URL is not of STS but of " + target.Host
	}
	sig, err := readPresigned(target.Query())
	switch {
	case err != nil:
		return p, err.Error()
	case sig.service != "sts" || !slices.Contains(sig.headers, strings.ToLower(idHeader)):
		return p, "the token's URL does not sign " + strings.ToLower(idHeader)
	}
	headers := http.Header{idHeader: []string{cluster.Name}}
	p, bad := k.server.who(k.Call, &wire{service: "sts", sig: sig, presigned: true, http: &http.Request{URL: target, Header: headers}})
	if bad != nil {
		return p, bad.Message
	}
	return p, ""
}

// allowed says whether a caller may do what it asks for: as who made the cluster, where that is kept outside of the access
// entries, or by a policy of its entry.
func (k *kubeCall) allowed(cluster *emulator.Resource, p core.Principal) bool {
	config := core.Sub(cluster.Doc, "accessConfig")
	if config["authenticationMode"] == "CONFIG_MAP" {
		return p.Base == cluster.Text("_creator")
	}
	entry := k.Elsewhere(cluster.Account, cluster.Region).Find("access-entry", cluster.Name, p.Base)
	return entry != nil && slices.ContainsFunc(core.Docs(entry.Doc, "_policies"), k.lets)
}

// lets says whether an access policy allows the call. Those that do not let one only look let one do all.
func (k *kubeCall) lets(policy doc) bool {
	scope := core.Sub(policy, "accessScope")
	looks := strings.HasSuffix(core.Text(policy, "policyArn"), "ViewPolicy")
	return (k.what.Op == "Discover") ||
		(!looks || k.http.Method == http.MethodGet) &&
			(core.Text(scope, "type") != "namespace" || slices.Contains(core.Texts(scope, "namespaces"), k.what.Namespace))
}

// nodes are the ready nodes of the cluster's node groups, spread over the zones of their subnets.
func (k *kubeCall) nodes(cluster *emulator.Resource) (all []kube.Object) {
	here := k.Elsewhere(cluster.Account, cluster.Region)
	for _, t := range here.All("nodegroup") {
		if t.Parent != cluster.Name {
			continue
		}
		var zones []string
		for _, id := range core.Texts(t.Doc, "subnets") {
			if s := here.Find("subnet", "", id); s != nil {
				zones = append(zones, s.Text("availabilityZone"))
			}
		}
		for i := range eks.ReadyNodes(t) {
			all = append(all, node(t, i, zones))
		}
	}
	return all
}

var effects = map[string]string{"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}

func node(t *emulator.Resource, i int, zones []string) kube.Object {
	types, zone := core.Texts(t.Doc, "instanceTypes"), ""
	if len(zones) > 0 {
		zone = zones[i%len(zones)]
	}
	name := fmt.Sprintf("ip-10-0-%d-%d.%s.compute.internal", t.N%256, i, t.Region)
	labels := map[string]any{
		"kubernetes.io/hostname": name, "topology.kubernetes.io/region": t.Region, "topology.kubernetes.io/zone": zone,
		"node.kubernetes.io/instance-type": types[i%len(types)], "eks.amazonaws.com/nodegroup": t.Name, "eks.amazonaws.com/capacityType": t.Text("capacityType"),
	}
	maps.Copy(labels, core.Sub(t.Doc, "labels"))
	taints := []any{}
	for _, given := range core.Docs(t.Doc, "taints") {
		taints = append(taints, map[string]any{"key": core.Text(given, "key"), "value": core.Text(given, "value"), "effect": effects[core.Text(given, "effect")]})
	}
	return kube.Object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": name, "labels": labels},
		"spec":     map[string]any{"taints": taints},
		"status":   map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}},
	}
}
