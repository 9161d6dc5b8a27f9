package controllers

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
)

// labelZone is on each node, and in what a volume says of where it is.
const labelZone = "topology.kubernetes.io/zone"

// claims are the claims of a pod, as they are there.
func (c *cluster) claims(ctx context.Context, p kube.Object) (found []kube.Object, err error) {
	for _, v := range kube.MapsOf(kube.MapOf(p["spec"])["volumes"]) {
		name := kube.StringOf(kube.MapOf(v["persistentVolumeClaim"])["claimName"])
		if name == "" {
			continue
		}
		o, err := kube.Find(ctx, c.api, kube.Key{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: p.Namespace(), Name: name})
		if err != nil {
			return nil, err
		}
		if o != nil {
			found = append(found, o)
		}
	}
	return found, nil
}

// zone is where a pod's volumes are; "" if it has none, or none that is anywhere yet.
func (c *cluster) zone(ctx context.Context, p kube.Object) (string, error) {
	claims, err := c.claims(ctx, p)
	for _, claim := range claims {
		name := kube.StringOf(kube.MapOf(claim["spec"])["volumeName"])
		if name == "" {
			continue
		}
		v, err := kube.Find(ctx, c.api, kube.Key{APIVersion: "v1", Kind: "PersistentVolume", Name: name})
		if err != nil {
			return "", err
		}
		for _, term := range kube.MapsOf(kube.Nested(v, "spec", "nodeAffinity", "required")["nodeSelectorTerms"]) {
			for _, e := range kube.MapsOf(term["matchExpressions"]) {
				if values, _ := e["values"].([]any); e["key"] == labelZone && len(values) > 0 {
					return kube.StringOf(values[0]), nil
				}
			}
		}
	}
	return "", err
}

// provision makes the volumes that a pod claims, where it runs.
func (c *cluster) provision(ctx context.Context, p kube.Object, zone string) error {
	claims, err := c.claims(ctx, p)
	if err != nil {
		return err
	}
	for _, claim := range claims {
		spec := kube.MapOf(claim["spec"])
		if kube.StringOf(spec["volumeName"]) != "" {
			continue
		}
		name := "pv-" + claim.Namespace() + "-" + claim.Name()
		in := map[string]any{"matchExpressions": []any{map[string]any{"key": labelZone, "operator": "In", "values": []any{zone}}}}
		v := kube.NewObject("v1", "PersistentVolume", "", name, map[string]any{
			"claimRef":     map[string]any{"namespace": claim.Namespace(), "name": claim.Name()},
			"nodeAffinity": map[string]any{"required": map[string]any{"nodeSelectorTerms": []any{in}}}})
		if err := c.put(ctx, v); err != nil {
			return err
		}
		o := claim.Clone()
		kube.MapOf(o["spec"])["volumeName"] = name
		if err := c.put(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
