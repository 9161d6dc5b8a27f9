package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// annotationSeal is the digest of an object as it was applied. It tells a change by hand where nothing else can say what
// the object was to be.
const annotationSeal = "aerie.io/applied"

// sealed is a copy of an object with its seal.
func sealed(o Object) (Object, error) {
	seal, err := o.seal()
	return o.marked("", nil, map[string]string{annotationSeal: seal}), err
}

// seal is the digest of an object without what each write changes.
func (o Object) seal() (string, error) {
	read, err := o.asRead()
	if err != nil {
		return "", err
	}
	wish := read.Clone().marked("", nil, nil).wished()
	annotations := table(wish.metadata()["annotations"])
	delete(annotations, annotationSeal)
	delete(annotations, AnnotationRevision)
	data, err := json.Marshal(wish)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]), err
}

// sealedDrift is what of the list of what was applied is not there, or not as its seal says. What has no seal was applied
// by an older aerie, and only its absence is seen.
func sealedDrift(ctx context.Context, api API, spec AppSpec) (found []Difference, err error) {
	there, err := spec.inventory(ctx, api)
	if err != nil {
		return nil, err
	}
	if there == nil {
		return []Difference{{Object: spec.inventoryKey(), Gone: true}}, nil
	}
	list, err := decodeInventory(there)
	if err != nil {
		return nil, err
	}
	for _, k := range list.keys {
		o, err := find(ctx, api, k)
		if err != nil {
			return nil, err
		}
		if o == nil {
			found = append(found, Difference{Object: k, Gone: true})
			continue
		}
		is, err := o.seal()
		if want := o.Annotations()[annotationSeal]; err != nil || want != "" && want != is {
			found = append(found, Difference{Object: k, Detail: "it is not as the chart has it"})
		}
	}
	return found, nil
}
