package aerie_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/aeriehq/aerie"

// arrows says what each package may import beside the standard library. What
// starts with a dot is ours; a name that ends in /... means everything below
// it too. A package that is not here may not be.
var arrows = map[string][]string{
	".":              {},
	"./events":       {"github.com/go-json-experiment/json/jsontext"},
	"./fsm/sequence": {},
	"./fsm/pack":     {"./fsm/sequence"},
	"./fsm/region":   {},
	"./fsm":          {"./events", "./fsm/pack", "./fsm/region", "./fsm/relapse", "./fsm/sequence", "github.com/looplab/fsm"},

	"./fsm/relapse": {"./events"},
	"./fsm/fsmtest": {"./events", "./fsm", "./projections/state", "pgregory.net/rapid"},

	"./events/eventlog/filestore": {"github.com/nats-io/nats.go/jetstream", "github.com/gofrs/flock", "github.com/minio/highwayhash"},
	"./events/eventlog":           {"./events", "./events/eventlog/filestore", "github.com/nats-io/nats.go/...", "github.com/go-json-experiment/json/...", "github.com/oklog/ulid/v2"},
	"./events/people":             {"./events/eventlog", "github.com/nats-io/nats.go/..."},
	"./events/keyring":            {"./events/eventlog", "github.com/nats-io/nats.go/..."},
	"./events/queue":              {"./events", "./events/eventlog", "github.com/nats-io/nats.go/...", "github.com/oklog/ulid/v2", "./internal/liveness"},
	"./events/eventlog/embedded":  {"./events", "./fsm", "./events/eventlog", "github.com/nats-io/nats.go/...", "github.com/nats-io/nats-server/v2/...", "github.com/nats-io/jwt/v2", "github.com/nats-io/nkeys", "github.com/gofrs/flock", "github.com/oklog/ulid/v2"},
	"./events/eventlog/callout":   {"./events", "./events/eventlog", "./events/eventlog/embedded", "github.com/nats-io/nats.go/...", "github.com/nats-io/jwt/v2", "github.com/nats-io/nkeys"},

	"./cloud": {},
	// no cloud needs Kubernetes: ./cloud and ./cloud/aws have none of these
	"./cloud/kube":                    {"k8s.io/client-go/...", "k8s.io/apimachinery/..."},
	"./cloud/kube/memory":             {"./cloud/kube"},
	"./cloud/kube/policy":             {"./cloud/kube"},
	"./cloud/kube/tenant":             {"./cloud/kube", "./cloud/kube/policy"},
	"./cloud/kube/release":            {"./cloud/kube", "./cloud/kube/cell", "./cloud/kube/job", "./cloud/kube/policy", "./cloud/kube/tenant", "k8s.io/apimachinery/pkg/util/yaml"},
	"./cloud/kube/drain":              {"./cloud/kube"},
	"./cloud/kube/job":                {"./cloud/kube"},
	"./cloud/kube/cell":               {"./cloud/kube", "./cloud/kube/policy"},
	"./cloud/kube/move":               {"./cloud/kube", "./cloud/kube/drain", "./cloud/kube/tenant"},
	"./cloud/kube/helm":               {"./cloud/kube", "./cloud/kube/policy"},
	"./cloud/kube/kubetest":           {"./cloud/kube", "./cloud/kube/memory"},
	"./cloud/kube/memory/controllers": {"./cloud/kube", "./cloud/kube/memory"},

	"./cloud/journal":    {},
	"./cloud/script":     {},
	"./cloud/sim":        {"./cloud", "./cloud/journal", "./cloud/script", "./cloud/kube", "./cloud/kube/memory", "./cloud/kube/memory/controllers", "./cloud/sim/offers"},
	"./cloud/sim/offers": {"./cloud"},
	"./cloud/ratelimit":  {"golang.org/x/time/rate"},
	"./cloud/aws": {"./cloud", "./cloud/ratelimit", "./cloud/aws/elb", "./cloud/aws/awserr", "./cloud/aws/offers", "./cloud/aws/permit", "./cloud/aws/policy", "./cloud/aws/vpc", "github.com/aws/aws-sdk-go-v2/aws/...", "github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/credentials/...",
		"github.com/aws/aws-sdk-go-v2/service/eks/...", "github.com/aws/aws-sdk-go-v2/service/iam/...", "github.com/aws/aws-sdk-go-v2/service/sts/...", "github.com/aws/smithy-go/..."},
	"./cloud/aws/awserr": {"./cloud", "github.com/aws/aws-sdk-go-v2/aws/transport/http", "github.com/aws/smithy-go", "github.com/aws/smithy-go/middleware", "github.com/aws/aws-sdk-go-v2/aws/middleware"},
	"./cloud/aws/policy": {},
	"./cloud/aws/permit": {"./cloud", "./cloud/aws/awserr", "github.com/aws/aws-sdk-go-v2/aws/middleware", "github.com/aws/smithy-go/middleware"},
	"./cloud/aws/offers": {"./cloud", "./cloud/aws/awserr", "github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/service/eks/..."},
	"./cloud/aws/vpc":    {"./cloud", "./cloud/aws/awserr", "github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/service/ec2/..."},
	"./cloud/aws/elb": {"./cloud", "./cloud/aws/awserr", "github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing",
		"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"},
	"./cloud/aws/kms":   {"./cloud/aws/awserr", "github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/service/kms/..."},
	"./cloud/cloudtest": {"./cloud", "./cloud/sim"},

	"./cloud/emulator":             {"./cloud/journal", "./cloud/script", "./cloud/kube", "./cloud/kube/memory"},
	"./cloud/emulator/aws/sdktest": {},
	"./cloud/emulator/kubeapi":     {"./cloud/kube", "./cloud/kube/memory", "k8s.io/apimachinery/pkg/labels", "k8s.io/client-go/rest", "sigs.k8s.io/yaml"},
	"./cloud/emulator/aws/policy":  {"./cloud/script"},
	"./cloud/emulator/aws/core":    {"./cloud/emulator", "./cloud/emulator/aws/policy", "./cloud/script"},
	"./cloud/emulator/aws/ec2":     {"./cloud/emulator", "./cloud/emulator/aws/core", "./cloud/emulator/aws/policy"},
	"./cloud/emulator/aws/elb":     {"./cloud/emulator", "./cloud/emulator/aws/core", "./cloud/emulator/aws/ec2"},
	"./cloud/emulator/aws/eks":     {"./cloud/emulator", "./cloud/emulator/aws/core", "./cloud/emulator/aws/ec2"},
	"./cloud/emulator/aws/iam":     {"./cloud/emulator", "./cloud/emulator/aws/core", "./cloud/emulator/aws/policy"},
	"./cloud/emulator/aws/sts":     {"./cloud/emulator", "./cloud/emulator/aws/core"},
	"./cloud/emulator/aws/kms":     {"./cloud/emulator", "./cloud/emulator/aws/core"},
	"./cloud/emulator/aws": {"./cloud/emulator", "./cloud/emulator/kubeapi", "./cloud/script", "./cloud/kube", "./cloud/kube/memory",
		"./cloud/emulator/aws/core", "./cloud/emulator/aws/ec2", "./cloud/emulator/aws/elb", "./cloud/emulator/aws/eks", "./cloud/emulator/aws/iam", "./cloud/emulator/aws/kms", "./cloud/emulator/aws/sts",
		"github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/aws/signer/v4"},

	"./workers/command/idindex": {},
	"./workers/command/places":  {"./events"},
	"./workers/clock":           {},
	"./workers/command":         {"./events", "./fsm", "./events/eventlog", "./events/eventlog/filestore", "./events/queue", "./projections/state", "./workers/clock", "./workers/command/idindex", "./workers/command/places", "./cloud/kube", "./cloud/kube/policy", "github.com/nats-io/nats.go", "github.com/nats-io/nats.go/micro", "github.com/oklog/ulid/v2", "golang.org/x/time/rate", "./internal/liveness"},
	"./workers/dispatch":        {"./events", "./fsm", "./events/queue", "./projections/state", "./workers/clock", "./workers/command", "github.com/nats-io/nats.go", "./internal/liveness"},
	"./workers/execute":         {"./events", "./fsm", "./events/queue", "./projections/state", "./workers/clock", "./workers/command", "./cloud", "./cloud/kube", "./cloud/kube/cell", "./cloud/kube/drain", "./cloud/kube/helm", "./cloud/kube/job", "./cloud/kube/move", "./cloud/kube/policy", "./cloud/kube/release", "./cloud/kube/tenant", "./workers/consent", "./workers/secrets", "github.com/nats-io/nats.go", "./internal/liveness"},
	"./workers/consent":         {"./events", "./events/eventlog/filestore", "./workers/secrets", "sigs.k8s.io/yaml"},
	"./workers/secrets":         {"./events", "sigs.k8s.io/yaml"},
	"./workers/agents":          {"./events", "./events/queue", "./events/eventlog/embedded", "./fsm", "./projections/state", "./workers/clock", "./workers/command", "./workers/command/places", "github.com/nats-io/nats.go", "github.com/nats-io/nkeys", "github.com/oklog/ulid/v2"},
	"./workers/login": {"./events", "./events/people", "./projections/identity", "./workers/command", "github.com/coreos/go-oidc/v3/oidc", "github.com/go-jose/go-jose/v4",
		"github.com/oklog/ulid/v2", "sigs.k8s.io/yaml"},
	"./workers/reconcile":          {"./events", "./events/eventlog/filestore", "./events/queue", "./fsm", "./fsm/relapse", "./projections/state", "./workers/clock", "./workers/command", "./workers/consent", "./workers/dispatch", "./workers/execute", "./cloud", "./cloud/kube", "./cloud/kube/cell", "./cloud/kube/helm", "./cloud/kube/release", "./cloud/kube/tenant", "github.com/oklog/ulid/v2", "./internal/liveness"},
	"./projections/state":          {"./events", "./fsm", "./fsm/sequence", "./events/eventlog", "github.com/tidwall/btree"},
	"./projections/views":          {"./events", "./fsm", "./events/eventlog", "./projections/state", "./projections/operations", "./projections/views/bitmap", "./projections/views/cursor", "./projections/views/selector", "./projections/views/snapshot", "github.com/danielgtaylor/huma/v2", "github.com/tidwall/btree", "github.com/RoaringBitmap/roaring/v2", "k8s.io/apimachinery/pkg/selection"},
	"./projections/views/cursor":   {"./events"},
	"./projections/operations":     {"./events", "./fsm", "./projections/state", "github.com/danielgtaylor/huma/v2", "github.com/tidwall/btree"},
	"./projections/views/selector": {"./events", "k8s.io/apimachinery/pkg/labels", "k8s.io/apimachinery/pkg/selection"},
	"./projections/identity":       {"./events", "./fsm", "./projections/state"},
	"./projections/placement":      {"./events", "./fsm", "./projections/state"},
	"./projections/views/snapshot": {"github.com/klauspost/compress/s2"},
	"./projections/views/bitmap":   {"github.com/RoaringBitmap/roaring/v2"},
	"./projections/metrics":        {"./events", "./fsm", "./events/eventlog", "./events/queue", "./projections/state", "./projections/views", "./internal/liveness", "github.com/prometheus/client_golang/..."},
	"./projections/api":            {"./events", "./fsm", "./events/eventlog", "./projections/metrics", "./projections/state", "./projections/views", "./projections/operations", "./projections/placement", "github.com/danielgtaylor/huma/v2/...", "github.com/prometheus/client_golang/...", "github.com/klauspost/compress/..."},
	"./projections/apitest":        {"./events", "./fsm", "./events/eventlog", "./events/eventlog/filestore", "./projections/metrics", "./projections/state", "./projections/views", "./projections/api", "./internal/natstest", "github.com/nats-io/nats.go/..."},

	"./internal/liveness":   {},
	"./internal/coredump":   {},
	"./internal/docgen":     {"./events", "./fsm", "./workers/consent"},
	"./internal/oidctest":   {"github.com/go-jose/go-jose/v4"},
	"./scripts/testreport":  {},
	"./internal/testbudget": {},

	"./internal/natstest": {"./events/...", "github.com/nats-io/nats.go/...", "github.com/nats-io/nats-server/v2/..."},

	"./deploy": {},

	"./test/sim":          {},
	"./test/extra":        {},
	"./test/kube":         {},
	"./test/kube/rigtest": {},

	"./cmd/aerie": {"./internal/cli", "golang.org/x/crypto/x509roots/fallback"},

	"./internal/client":                {"./events", "./fsm", "github.com/go-json-experiment/json/...", "github.com/coreos/go-oidc/v3/oidc", "golang.org/x/oauth2", "github.com/nats-io/nats.go", "github.com/oklog/ulid/v2", "github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"},
	"./internal/cli/manifest/document": {"./events", "go.yaml.in/yaml/v3"},
	"./internal/cli/manifest":          {"./events", "./workers/...", "./internal/client", "./internal/cli/manifest/document"},
	"./internal/cli/print": {"./events", "./internal/client", "github.com/mattn/go-runewidth", "github.com/spf13/cobra", "go.yaml.in/yaml/v3", "golang.org/x/term",
		"k8s.io/apimachinery/pkg/util/json", "k8s.io/client-go/util/jsonpath", "sigs.k8s.io/yaml"},
	"./internal/cli/setting":   {},
	"./internal/server/access": {},
	"./internal/server/certs":  {"./events/eventlog/filestore", "./events/keyring"},
	"./internal/server": {"./events/...", "./fsm", "./projections/...", "./workers/...", "./cloud/...", "./deploy", "./internal/client", "./internal/liveness", "./internal/server/access", "./internal/server/certs",
		"github.com/nats-io/nats.go", "github.com/nats-io/nkeys", "github.com/oklog/ulid/v2", "github.com/gofrs/flock", "github.com/vbauerster/mpb/v8/...", "golang.org/x/term", "golang.org/x/time/rate"},
	"./internal/bench": {"./events/...", "./fsm", "./projections/...", "./internal/server", "./internal/client", "./internal/cli/manifest", "./internal/cli/print",
		"github.com/nats-io/nats.go/...", "github.com/nats-io/nats-server/v2/...", "github.com/oklog/ulid/v2", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8/...", "golang.org/x/term"},
	"./internal/cli": {"./events/...", "./fsm", "./projections/...", "./cloud/...", "./workers/consent", "./internal/...",
		"github.com/nats-io/nats.go/...", "github.com/gofrs/flock", "github.com/spf13/cobra", "github.com/spf13/pflag", "sigs.k8s.io/yaml"},
	"./test/process": {},
}

// TestArrows fails on an import that the architecture does not have. docs/design.md draws the arrows.
func TestArrows(t *testing.T) {
	for _, p := range listed(t) {
		name := short(p.ImportPath)
		may, known := arrows[name]
		if !known {
			t.Errorf("%s has no line in arrows: say there what it may import", name)
			continue
		}
		for _, imported := range p.Imports {
			if why := refused(name, short(imported), may); why != "" {
				t.Errorf("%s imports %s: %s", name, short(imported), why)
			}
		}
	}
}

// refused says why an import is not allowed; "" if it is.
func refused(from, to string, may []string) string {
	switch {
	case isStandard(to):
		return ""
	case strings.HasPrefix(to, "./cmd/") && !strings.HasPrefix(from, to+"/") && !strings.HasPrefix(to, from+"/"):
		return "nobody imports cmd"
	case slices.ContainsFunc(may, func(allowed string) bool { return covers(allowed, to) }):
		return ""
	case len(may) == 0:
		return "it may import the standard library alone"
	}
	return "it may import the standard library, " + strings.Join(may, ", ")
}

func covers(allowed, name string) bool {
	if stem, below := strings.CutSuffix(allowed, "..."); below {
		return strings.HasPrefix(name+"/", stem)
	}
	return allowed == name
}

// short writes our own packages as ./events.
func short(path string) string {
	if path == module {
		return "."
	}
	if rest, ours := strings.CutPrefix(path, module+"/"); ours {
		return "./" + rest
	}
	return path
}

// isStandard tells the standard library by what stands before the first slash: no domain.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return path != "." && !strings.Contains(first, ".")
}

// listed is every package of the module, with what it imports outside its tests.
func listed(t *testing.T) (all []goPackage) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestArrowsRefuse(t *testing.T) {
	rows := []struct{ name, from, to, want string }{
		{"events stands under all", "./events", "./fsm", "it may import the standard library, github.com/go-json-experiment/json/jsontext"},
		{"the standard library is for all", "./events", "encoding/json", ""},
		{"a cloud knows nothing of us", "./cloud/sim", "./events", "it may import the standard library, ./cloud, ./cloud/journal, ./cloud/script, ./cloud/kube, ./cloud/kube/memory, ./cloud/kube/memory/controllers, ./cloud/sim/offers"},
		{"the seam is free of Kubernetes", "./cloud", "./cloud/kube", "it may import the standard library alone"},
		{"the cloud of AWS is free of Kubernetes", "./cloud/aws", "./cloud/kube", "it may import"},
		{"workers leave JetStream to eventlog", "./workers/command", "github.com/nats-io/nats.go/jetstream", "it may import"},
		{"workers talk to NATS", "./workers/command", "github.com/nats-io/nats.go", ""},
		{"eventlog knows JetStream", "./events/eventlog", "github.com/nats-io/nats.go/jetstream", ""},
		{"a service of the emulated AWS knows no server", "./cloud/emulator/aws/eks", "./cloud/emulator/aws", "it may import"},
		{"what services share knows none of them", "./cloud/emulator/aws/core", "./cloud/emulator/aws/ec2", "it may import"},
		{"views do no work", "./projections/views", "./workers/execute", "it may import"},
		{"HTTP does no work", "./projections/api", "./workers/execute", "it may import"},
		{"views know no HTTP", "./projections/views", "./projections/api", "it may import"},
		{"the intake does no work", "./workers/command", "./workers/execute", "it may import"},
		{"the intake calls no cloud", "./workers/command", "./cloud", "it may import"},
		{"the dispatcher calls no cloud", "./workers/dispatch", "./cloud", "it may import"},
		{"nobody imports a binary", "./workers/command", "./cmd/aerie/wire", "nobody imports cmd"},
		{"the program is the command line", "./cmd/aerie", "./internal/cli", ""},
		{"and knows nothing else", "./cmd/aerie", "./internal/server", "it may import"},
		{"a client needs no server", "./internal/client", "./internal/server", "it may import"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := refused(row.from, row.to, arrows[row.from])
			if (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
