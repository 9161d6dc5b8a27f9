package sdktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// oracle is what the EKS module's own snapshots say of the wire. They are made of Amazon's model, by others.
type oracle struct {
	operations []snapshot
	errors     map[string]snapshot // by code
}

// snapshot is one operation's request and answer, or one error.
type snapshot struct {
	op, method, target, body string
	path                     *regexp.Regexp
	status                   int
	keys                     map[string]bool // of the answer
}

var snapshots = sync.OnceValues(readOracle)

func readOracle() (*oracle, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/eks").Output()
	if err != nil {
		return nil, err
	}
	dir := strings.TrimSpace(string(out))
	o := &oracle{errors: map[string]snapshot{}}
	requests, err := filepath.Glob(filepath.Join(dir, "request_snapshot", "*.request.snap"))
	if err != nil || len(requests) == 0 {
		return nil, fmt.Errorf("no request snapshots in %s: %v", dir, err)
	}
	for _, file := range requests {
		op := strings.TrimSuffix(filepath.Base(file), ".request.snap")
		head, body, err := readSnapshot(file)
		if err != nil {
			return nil, err
		}
		s, err := readAnswer(filepath.Join(dir, "response_snapshot", op+".response.snap"))
		if err != nil {
			return nil, err
		}
		s.op, s.body = op, body
		s.method, s.target, _ = strings.Cut(head, " ")
		path, _, _ := strings.Cut(s.target, "?")
		s.path = regexp.MustCompile("^" + regexp.MustCompile(`__\w+?__`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + "$")
		o.operations = append(o.operations, s)
	}
	failures, err := filepath.Glob(filepath.Join(dir, "response_snapshot", "*.error.snap"))
	for _, file := range failures {
		s, err := readAnswer(file)
		if err != nil {
			return nil, err
		}
		o.errors[strings.TrimSuffix(filepath.Base(file), ".error.snap")] = s
	}
	return o, err
}

// readSnapshot reads the first line and what is after the headers.
func readSnapshot(file string) (head, body string, err error) {
	data, err := os.ReadFile(file)
	head, rest, _ := strings.Cut(string(data), "\n")
	if i := strings.Index(rest, "{"); i >= 0 {
		body = rest[i:]
	}
	return head, body, err
}

func readAnswer(file string) (s snapshot, err error) {
	head, body, err := readSnapshot(file)
	if err != nil {
		return s, err
	}
	s.keys = map[string]bool{}
	var v any
	if body != "" {
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			return s, err
		}
	}
	keysOf("", v, s.keys)
	s.status, err = strconv.Atoi(head)
	return s, err
}

// part stands between the parts of a key's path; none has it in its name.
const part = " > "

func keysOf(at string, v any, keys map[string]bool) {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			keys[at+part+k] = true
			keysOf(at+part+k, e, keys)
		}
	case []any:
		for _, e := range x {
			keysOf(at+"[]", e, keys)
		}
	}
}

// unknown are the keys of an answer that the model does not have. Maps of free keys are snapshots with a key0.
func (s snapshot) unknown(body []byte) (unknown []string) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return []string{"no JSON: " + string(body)}
	}
	got := map[string]bool{}
	keysOf("", v, got)
	for k := range got {
		parent := k[:strings.LastIndex(k, part)]
		if !s.keys[k] && !s.keys[parent+part+"key0"] {
			unknown = append(unknown, k)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// checked is a transport that holds every answer of EKS against the model.
type checked struct {
	testing.TB
	http.RoundTripper
}

func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err != nil || !strings.Contains(r.Header.Get("Authorization"), "/eks/aws4_request") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	o, oracleErr := snapshots()
	must(c, oracleErr)
	o.check(c, r, resp, body)
	return resp, err
}

func (o *oracle) check(t testing.TB, r *http.Request, resp *http.Response, body []byte) {
	if code := resp.Header.Get("X-Amzn-Errortype"); code != "" {
		want, known := o.errors[code]
		if known && resp.StatusCode != want.status {
			t.Errorf("%s with status %d: the model has %d", code, resp.StatusCode, want.status)
		}
		if unknown := want.unknown(body); known && len(unknown) > 0 {
			t.Errorf("%s has keys that the model does not: %v", code, unknown)
		}
		return
	}
	for _, s := range o.operations {
		if s.method == r.Method && s.path.MatchString(r.URL.EscapedPath()) {
			if unknown := s.unknown(body); len(unknown) > 0 {
				t.Errorf("%s answers keys that the model does not have: %v", s.op, unknown)
			}
			return
		}
	}
	t.Errorf("%s %s is no operation of the model", r.Method, r.URL.Path)
}

// unserved are the operations of EKS that aerie has no use for. A new one in the SDK is neither here nor served, and says so.
var unserved = []string{
	"ActivateCertificateAuthority", "AssociateEncryptionConfig", "AssociateIdentityProviderConfig", "CancelUpdate", "CreateCapability",
	"CreateCertificateAuthority", "CreateEksAnywhereSubscription", "CreateFargateProfile", "DeleteCapability", "DeleteCertificateAuthority",
	"DeleteEksAnywhereSubscription", "DeleteFargateProfile", "DeregisterCluster", "DescribeAddonConfiguration", "DescribeCapability",
	"DescribeCertificateAuthority", "DescribeEksAnywhereSubscription", "DescribeFargateProfile", "DescribeIdentityProviderConfig",
	"DescribeInsight", "DescribeInsightsRefresh", "DisassociateIdentityProviderConfig", "ListAccessPolicies", "ListCapabilities",
	"ListCertificateAuthorities", "ListEksAnywhereSubscriptions", "ListFargateProfiles", "ListIdentityProviderConfigs", "ListInsights",
	"RegisterCluster", "StartInsightsRefresh", "UpdateAccessEntry", "UpdateCapability", "UpdateEksAnywhereSubscription", "UpdatePodIdentityAssociation",
}

// TestSnapshots replays the SDK's own request of every operation: what is served has its method and path, is understood,
// and is written into the ledger under its name.
func TestSnapshots(t *testing.T) {
	r := start(t, 0)
	o, err := snapshots()
	must(t, err)
	served := map[string]bool{}
	for _, s := range o.operations {
		status, code, op := r.replay(s)
		if code == "NotFoundException" && op == "" {
			if !slices.Contains(unserved, s.op) {
				t.Errorf("%s %s %s is not served", s.op, s.method, s.target)
			}
			continue
		}
		served[s.op] = true
		if op != s.op || status >= 500 || slices.Contains(unserved, s.op) {
			t.Errorf("%s is taken for %q and answered %d %s", s.op, op, status, code)
		}
	}
	t.Logf("served: %d of %d operations of EKS: %s", len(served), len(o.operations), strings.Join(slices.Sorted(maps.Keys(served)), ", "))
}

// replay sends a snapshot's request, signed, and says what it was taken for.
func (r *rig) replay(s snapshot) (status int, code, op string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), s.method, r.cloud.URL()+s.target, strings.NewReader(s.body))
	must(r, err)
	sum := sha256.Sum256([]byte(s.body))
	user := r.accounts()[0].Users[0]
	must(r, v4.NewSigner().SignHTTP(r.Context(), awssdk.Credentials{AccessKeyID: user.AccessKeyID, SecretAccessKey: user.SecretAccessKey}, req, hex.EncodeToString(sum[:]), "eks", region, time.Now()))
	resp, err := r.cfg.HTTPClient.Do(req)
	must(r, err)
	must(r, resp.Body.Close())
	calls := r.ledger().Calls
	return resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), calls[len(calls)-1].Op
}

// TestEveryError has each error that the model has, with its status, which the transport checks.
func TestEveryError(t *testing.T) {
	r := start(t, 0)
	o, err := snapshots()
	must(t, err)
	if len(o.errors) < 10 {
		t.Fatalf("only %d errors in the snapshots", len(o.errors))
	}
	for code := range o.errors {
		r.inject(emulator.Fault{Op: "eks:ListClusters", Code: code, Message: "No cluster found for name: c."})
		_, err := r.eks.ListClusters(t.Context(), &eks.ListClustersInput{})
		is(t, code, err)
	}
}
