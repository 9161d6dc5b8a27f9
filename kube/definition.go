package kube

import "context"

// DefinitionKind is the kind of the definitions of custom kinds.
const DefinitionKind = "CustomResourceDefinition"

// DefinitionAPI is the group and version of the definitions of custom kinds.
const DefinitionAPI = "apiextensions.k8s.io/v1"

// Defines are the versions that a definition of a custom kind says are served, as group/version and group/version/kind.
func (o Object) Defines() (served []string) {
	spec := table(o["spec"])
	for _, v := range tables(spec["versions"]) {
		if v["served"] == true {
			version := text(spec["group"]) + "/" + text(v["name"])
			served = append(served, version, version+"/"+text(within(spec, "names")["kind"]))
		}
	}
	return served
}

// Outline is a definition of a custom kind without the schema of its fields.
func (o Object) Outline() Object {
	spec := table(o["spec"])
	versions := []any{}
	for _, v := range tables(spec["versions"]) {
		versions = append(versions, map[string]any{"name": v["name"], "served": v["served"], "storage": v["storage"]})
	}
	out := object(o.APIVersion(), o.Kind(), "", o.Name(), nil)
	out["spec"] = map[string]any{"group": spec["group"], "names": spec["names"], "scope": spec["scope"], "versions": versions}
	return out
}

// Define makes the definitions that are not there yet. Those that are stay as they are, as Helm has it.
func Define(ctx context.Context, api API, definitions []Object) error {
	for _, d := range definitions {
		there, err := find(ctx, api, d.Key())
		if err != nil {
			return err
		}
		if there != nil {
			continue
		}
		if _, err := api.Apply(ctx, d.marked("", map[string]string{LabelManagedBy: manager}, nil)); err != nil {
			return err
		}
	}
	return nil
}
