package eks

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

func (q *request) updateNodegroupConfig() (doc, error) {
	_, t, err := q.onNodegroup()
	if err != nil {
		return nil, err
	}
	set, params := doc{}, doc{}
	if scaling, given := q.Params["scalingConfig"].(doc); given {
		merged := emulator.Copy(core.Sub(t.Doc, "scalingConfig"))
		emulator.Merge(merged, scaling)
		if err := checkScaling(merged); err != nil {
			return nil, err
		}
		set["scalingConfig"] = merged
		for field, v := range scaling {
			params[core.Capital(field)] = v
		}
	}
	if change := core.Sub(q.Params, "labels"); len(change) > 0 {
		set["labels"] = labelPatch(change)
		params["LabelsToAdd"] = change
	}
	if change := core.Sub(q.Params, "taints"); len(change) > 0 {
		set["taints"] = changedTaints(core.List(t.Doc, "taints"), change)
		params["TaintsToAdd"] = change
	}
	if c, given := q.Params["updateConfig"]; given {
		set["updateConfig"] = c
		params["MaxUnavailable"] = c
	}
	check := emulator.Copy(t.Doc)
	emulator.Merge(check, emulator.Copy(set))
	if err := checkNodegroup(check); err != nil {
		return nil, err
	}
	return q.updating(t, "ConfigUpdate", params, groupUpdated, set)
}

// labelPatch has what is added, and null for what is removed.
func labelPatch(change doc) doc {
	patch := doc{}
	for _, k := range core.Texts(change, "removeLabels") {
		patch[k] = nil
	}
	for k, v := range core.Sub(change, "addOrUpdateLabels") {
		patch[k] = v
	}
	return patch
}

// changedTaints are the taints after some were removed, and others then added or changed. Key and effect identify a taint.
func changedTaints(there []any, change doc) []any {
	out := slices.Clone(there)
	for _, field := range []string{"removeTaints", "addOrUpdateTaints"} {
		for _, t := range core.Docs(change, field) {
			out = slices.DeleteFunc(out, func(old any) bool {
				return core.Text(old.(doc), "key") == core.Text(t, "key") && core.Text(old.(doc), "effect") == core.Text(t, "effect")
			})
			if field == "addOrUpdateTaints" {
				out = append(out, t)
			}
		}
	}
	return out
}

func (q *request) updateNodegroupVersion() (doc, error) {
	cluster, t, err := q.onNodegroup()
	if err != nil {
		return nil, err
	}
	to := core.Text(q.Params, "version")
	if to == "" {
		to = cluster.Text("version")
	}
	from := t.Text("version")
	if minor(to) < minor(from) || minor(to) > minor(cluster.Text("version")) {
		return nil, wrong("Requested version %s for nodegroup %s is not between its own %s and its cluster's %s", to, t.Name, from, cluster.Text("version")).About(doc{"clusterName": cluster.Name, "nodegroupName": t.Name})
	}
	release := to + ".1-20261101"
	return q.updating(t, "VersionUpdate", doc{"Version": to, "ReleaseVersion": release}, groupRolled, doc{"version": to, "releaseVersion": release})
}
