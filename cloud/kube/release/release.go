package release

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/aeriehq/aerie/cloud/kube"
)

// deployedRevision is the status of the revision of a release that has come about.
const deployedRevision = "deployed"

// Deployed are the objects of a release whose newest revision has come about and has the labels; nil if it is another's,
// if there is none, or something else is to be done with it first.
func Deployed(ctx context.Context, c *kube.Cluster, spec AppSpec, labels map[string]string) ([]kube.Object, error) {
	brief := spec.revisions(nil)
	brief.Brief = true
	all, err := c.List(ctx, brief)
	if err != nil {
		return nil, err
	}
	last := newestOf(all)
	has := last.Labels()
	for k, v := range labels {
		if has[k] != v {
			return nil, nil
		}
	}
	if has["status"] != deployedRevision {
		return nil, nil
	}
	secret, err := kube.Find(ctx, c, kube.Key{APIVersion: "v1", Kind: "Secret", Namespace: spec.Namespace, Name: last.Name()})
	if err != nil || secret == nil {
		return nil, err
	}
	return objectsOf(secret, spec)
}

// revisions selects the revisions of the release, each a secret of Helm's.
func (s AppSpec) revisions(labels map[string]string) kube.Selector {
	all := map[string]string{"owner": "helm", "name": s.Name, kube.LabelOwner: s.Owner}
	maps.Copy(all, labels)
	return kube.Selector{APIVersion: "v1", Kind: "Secret", Namespace: s.Namespace, Labels: all}
}

// newestOf is the newest of a release's revisions; nil if there is none.
func newestOf(revisions []kube.Object) (last kube.Object) {
	highest := -1
	for _, o := range revisions {
		if n, err := strconv.Atoi(o.Labels()["version"]); err == nil && n > highest {
			last, highest = o, n
		}
	}
	return last
}

// objectsOf are the objects of a revision, as Helm applies them.
func objectsOf(secret kube.Object, spec AppSpec) ([]kube.Object, error) {
	manifest, err := manifestOf(kube.StringOf(kube.MapOf(secret["data"])["release"]))
	if err != nil {
		return nil, kube.Fail(kube.Invalid, "read release", kube.Key{Kind: "Secret", Namespace: spec.Namespace, Name: spec.Name}, err.Error())
	}
	objects := []kube.Object{}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		var o kube.Object
		err := documents.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, kube.Fail(kube.Invalid, "read release", kube.Key{Kind: "Secret", Namespace: spec.Namespace, Name: spec.Name}, err.Error())
		}
		if len(o) > 0 {
			objects = append(objects, asHelm(o, spec))
		}
	}
}

// manifestOf is the manifest in a release as Helm keeps it: JSON, packed, and twice in base64, once by Kubernetes.
func manifestOf(data string) ([]byte, error) {
	for range 2 {
		decoded, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return nil, err
		}
		data = string(decoded)
	}
	packed, err := gzip.NewReader(bytes.NewReader([]byte(data)))
	if err != nil {
		return nil, err
	}
	var release struct{ Manifest string }
	if err := json.NewDecoder(packed).Decode(&release); err != nil {
		return nil, err
	}
	return []byte(release.Manifest), nil
}
