// Package helm runs Helm, each operation on a release in a process of its own: aerie-helm. So a chart that hangs, eats
// memory or never ends rendering costs that process and nothing else, and the server does not link Helm. It is not Helm:
// that is in cmd/aerie-helm, which shares the forms of Request and Result with it.
//
// Begin with Request, then Runner. A Runner may be used by many at once and lets in a few processes; the others are told
// ErrBusy and ask again. When we die, a process sees the end of its input and ends too; the next one finds what it left.
package helm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/policy"
)

// Op is what is to be done with a release. Each may be asked again at any time: what an earlier process left half done,
// whatever it was, is brought to the wished end.
type Op string

// The operations.
const (
	Render Op = "render" // say what the chart makes of the values; touch nothing
	Ensure Op = "ensure" // install or upgrade to chart and values
	Revert Op = "revert" // roll back to what the digest names; as Ensure where the history no longer has it
	Remove Op = "remove" // uninstall
)

// Request is one operation, as it goes to the child on its standard input. It is never written anywhere.
type Request struct {
	Op        Op               `json:"op"`
	Release   string           `json:"release"`
	Namespace string           `json:"namespace"`
	Owner     string           `json:"owner"` // the uid of the application: a release of another is not touched
	Chart     Chart            `json:"chart"`
	Values    map[string]any   `json:"values,omitempty"`
	Secrets   []string         `json:"secrets,omitempty"` // those among the values: they may stand in Secrets alone
	Digest    string           `json:"digest"`            // of chart and values: kept as a label of the release
	Cluster   *kube.Access     `json:"cluster,omitempty"`
	Stored    *Stored          `json:"stored,omitempty"` // to Render: the cluster
	Repair    string           `json:"repair,omitempty"` // of a repair: what is deployed is applied once more, and marked with it
	Terms     policy.Terms     `json:"terms"`            // on which what it renders to is let through
	Pods      kube.PodDefaults `json:"pods"`
	Rendered  time.Duration    `json:"rendered"`        // how long loading and rendering may take; 0: RenderWithin
	Within    time.Duration    `json:"within"`          // how long hooks may take
	Tells     bool             `json:"tells,omitempty"` // it tells on the file HookNotifyFD, a byte each, when it Waits for a hook and when it Works again
}

// Stored is what a chart is told of a cluster that only stores, where there is no API server to ask.
type Stored struct {
	Version string        `json:"version"` // of Kubernetes, such as 1.36
	Kinds   []kube.Object `json:"kinds,omitempty"`
	Found   []Found       `json:"found,omitempty"` // what it has looked up so far
}

// Found is what is there of what a chart has looked up. A key without a name is of all objects of that kind, in its
// namespace or in all.
type Found struct {
	Key     kube.Key      `json:"key"`
	Objects []kube.Object `json:"objects,omitempty"`
}

// MayLook tells whether a chart may look something up in a cluster that only stores: a tenant's into its own namespace
// alone, as its installer in a real cluster.
func (q Request) MayLook(k kube.Key) bool {
	return q.Terms == policy.AsAddon || k.Namespace == q.Namespace
}

// What the process of an operation tells, and where.
const (
	HookNotifyFD = 3
	Waits        = 'w'
	Works        = 'b'
)

// Chart says which chart, and where it is from: an archive that is given, else a repository.
type Chart struct {
	Name       string `json:"name"`
	Version    string `json:"version"` // exactly this one
	Repository string `json:"repository,omitempty"`
	Archive    []byte `json:"archive,omitempty"`
	Login      Login  `json:"login,omitzero"`
}

// Login is how to come into a repository. It is in no event, argument, file or log.
type Login struct {
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	CA       string `json:"ca,omitempty"` // PEM; empty: the system's
}

// Result is what came of an operation.
type Result struct {
	Objects []kube.Object `json:"objects,omitempty"` // what the release consists of, without hooks
	Did     string        `json:"did,omitempty"`     // install, upgrade, rollback, uninstall; empty if nothing was to be done
	Resumed string        `json:"resumed,omitempty"` // the state in which an interrupted operation had left the release
	Failure *Failure      `json:"failure,omitempty"`

	Definitions []kube.Object `json:"definitions,omitempty"` // of Render: the custom kinds that come before the objects, and stay
	Wants       []kube.Key    `json:"wants,omitempty"`       // of Render: what it has to be told before there is a result
}

// Failure is why an operation did not come about.
type Failure struct {
	Code    kube.Code `json:"code"`
	Message string    `json:"message"`
}

// LabelRepair is the label of a release that says which repair applied it.
const LabelRepair = "aerie.io/repair"

// LabelDigest is the label of a release that says what was asked for.
const LabelDigest = "aerie.io/digest"

// Labels are those by which a release is known as what was asked for.
func (q Request) Labels() map[string]string {
	labels := map[string]string{LabelDigest: q.Digest}
	if q.Repair != "" {
		labels[LabelRepair] = q.Repair
	}
	return labels
}

// DigestOf tells one wish for a release from another. How to come into the repository is no part of it. The values are those
// with references to secrets in them: it is a label, which many may read.
func DigestOf(c Chart, values map[string]any) string {
	c.Login = Login{}
	data, _ := json.Marshal(struct { // values came from JSON
		Chart  Chart
		Values map[string]any
	}{c, values})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// DigestWith is a digest with the mark of the secrets that the values refer to, which is a hash of them under a key.
func DigestWith(digest, mark string) string {
	sum := sha256.Sum256([]byte(digest + "\n" + mark))
	return hex.EncodeToString(sum[:16])
}

// Limits of one operation, beside the time of its hooks.
const (
	MaxArchive   = 4 << 20  // bytes of a packed chart
	MaxUnpacked  = 32 << 20 // bytes of an unpacked one
	MaxObjects   = 500      // objects of a release
	MaxOutput    = 16 << 20 // bytes of the answer
	MaxMemory    = 1 << 30  // bytes of the process
	RenderWithin = 30 * time.Second
)
