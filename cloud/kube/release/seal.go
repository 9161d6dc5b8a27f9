package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/aeriehq/aerie/cloud/kube"
)

// annotationSeal is the digest of an object as it was applied. It tells a change by hand where nothing else can say what
// the object was to be.
const annotationSeal = "aerie.io/applied"

// sealed is a copy of an object with its seal.
func sealed(o kube.Object) (kube.Object, error) {
	seal, err := sealOf(o)
	return o.Marked("", nil, map[string]string{annotationSeal: seal}), err
}

// sealOf is the digest of an object without what each write changes.
func sealOf(o kube.Object) (string, error) {
	read, err := o.AsRead()
	if err != nil {
		return "", err
	}
	wish := read.Clone().Marked("", nil, nil).Wished()
	delete(wish.Metadata(), "uid")
	annotations := kube.MapOf(wish.Metadata()["annotations"])
	delete(annotations, annotationSeal)
	delete(annotations, kube.AnnotationRevision)
	delete(annotations, kube.AnnotationScaledBy)
	data, err := json.Marshal(wish)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]), err
}

// sealedDrift is what of the list of what was applied is not there, or not as its seal says. What has no seal was applied
// by an older aerie, and only its absence is seen.
func sealedDrift(ctx context.Context, api kube.API, spec AppSpec) (found []kube.Difference, err error) {
	there, err := spec.inventory(ctx, api)
	if err != nil {
		return nil, err
	}
	if there == nil {
		return []kube.Difference{{Object: spec.inventoryKey(), Gone: true}}, nil
	}
	list, err := decodeInventory(there)
	if err != nil {
		return nil, err
	}
	for _, k := range list.keys {
		o, err := kube.Find(ctx, api, k)
		if err != nil {
			return nil, err
		}
		if o == nil {
			found = append(found, kube.Difference{Object: k, Gone: true})
			continue
		}
		is, err := sealOf(o)
		if want := o.Annotations()[annotationSeal]; err != nil || want != "" && want != is {
			found = append(found, kube.Difference{Object: k, Detail: "it is not as the chart has it"})
		}
	}
	return found, nil
}
