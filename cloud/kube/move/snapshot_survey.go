package move

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Carried looks which volumes of a tenant come along by snapshots, and why others can't. It changes nothing.
func Carried(ctx context.Context, source, target kube.API, namespace string) (volumes, stuck []string, err error) {
	all, err := claims(ctx, source, namespace)
	if err != nil {
		return nil, nil, err
	}
	used, stuck, err := usedClaims(ctx, source, namespace)
	if err != nil {
		return nil, nil, err
	}
	fromClasses, fromWhy, err := classes(ctx, source, "where it is")
	if err != nil {
		return nil, nil, err
	}
	_, toWhy, err := classes(ctx, target, "where it goes to")
	if err != nil {
		return nil, nil, err
	}
	for _, c := range all {
		v, err := findVolume(ctx, source, c)
		if err != nil {
			return nil, nil, err
		}
		why := cmp.Or(fromWhy, toWhy)
		if why == "" {
			if why, err = lacks(ctx, target, c, driverOf(v), fromClasses, used[c.Name()]); err != nil {
				return nil, nil, err
			}
		}
		volumes = append(volumes, claimInWords(c))
		if why != "" {
			stuck = append(stuck, claimInWords(c)+zoneOf(v)+" can't come along by a snapshot: "+why)
		}
	}
	return few(volumes), few(stuck), nil
}

// classes are those by which a cluster takes snapshots, or why it takes none.
func classes(ctx context.Context, api kube.API, where string) (all []kube.Object, why string, err error) {
	all, err = api.List(ctx, kube.Selector{APIVersion: SnapshotAPI, Kind: "VolumeSnapshotClass"})
	if errors.Is(err, kube.ErrUnserved) {
		return nil, fmt.Sprintf("the cluster %s does not serve %s", where, SnapshotAPI), nil
	}
	return all, "", err
}

// lacks says why a claim whose volume is of a driver can't come along to a cluster that takes snapshots; "" if it can.
func lacks(ctx context.Context, target kube.API, claim kube.Object, driver string, classes []kube.Object, used bool) (string, error) {
	storage := kube.StringOf(kube.MapOf(claim["spec"])["storageClassName"])
	switch {
	case driver == "":
		return "no CSI driver has made it", nil
	case classOf(classes, driver) == "":
		return noClass + driver + " where it is", nil
	case storage == "":
		return "its claim names no StorageClass", nil
	}
	class, err := kube.Find(ctx, target, kube.Key{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass", Name: storage})
	switch {
	case err != nil:
		return "", err
	case class == nil:
		return fmt.Sprintf("there is no StorageClass %s where it goes to", storage), nil
	case class["provisioner"] != driver:
		return fmt.Sprintf("StorageClass %s is of driver %v where it goes to, and of %s where it is", storage, class["provisioner"], driver), nil
	case class["volumeBindingMode"] == "WaitForFirstConsumer" && !used:
		return fmt.Sprintf("StorageClass %s makes a volume where it goes to when a pod uses it, and none uses this one now", storage), nil
	}
	return "", nil
}

// usedClaims are those that pods of a namespace use, and what of it would lose its data when it is stopped.
func usedClaims(ctx context.Context, api kube.API, namespace string) (used map[string]bool, stuck []string, err error) {
	pods, err := api.List(ctx, kube.Selector{APIVersion: "v1", Kind: "Pod", Namespace: namespace})
	if err != nil {
		return nil, nil, err
	}
	used = map[string]bool{}
	for _, p := range pods {
		for _, v := range kube.MapsOf(kube.MapOf(p["spec"])["volumes"]) {
			if claim := kube.StringOf(kube.MapOf(v["persistentVolumeClaim"])["claimName"]); claim != "" && !p.Ended() {
				used[claim] = true
			}
		}
	}
	sets, err := api.List(ctx, kube.Selector{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: namespace})
	for _, o := range sets {
		if kube.Nested(o, "spec", "persistentVolumeClaimRetentionPolicy")["whenScaled"] == "Delete" {
			stuck = append(stuck, fmt.Sprintf("StatefulSet %s has its volumes removed when it is stopped, before they can be taken: its persistentVolumeClaimRetentionPolicy.whenScaled must be Retain", o.Name()))
		}
	}
	return used, stuck, err
}

// zoneOf says in which zone a volume is, as a part of a sentence; "" if in none that is known.
func zoneOf(volume kube.Object) string {
	for _, term := range kube.MapsOf(kube.Nested(volume, "spec", "nodeAffinity", "required")["nodeSelectorTerms"]) {
		for _, key := range zoneKeys {
			for _, e := range kube.MapsOf(term["matchExpressions"]) {
				if e["key"] == key {
					return " in zone " + strings.Join(texts(e["values"]), ", ")
				}
			}
		}
	}
	return ""
}
