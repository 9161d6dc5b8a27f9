package aws

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
)

func (q *request) updateNodegroupConfig() (doc, error) {
	_, t, err := q.onNodegroup()
	if err != nil {
		return nil, err
	}
	set, params := doc{}, doc{}
	if scaling, given := q.in["scalingConfig"].(doc); given {
		merged := emulator.Copy(sub(t.Doc, "scalingConfig"))
		emulator.Merge(merged, scaling)
		if err := checkScaling(merged); err != nil {
			return nil, err
		}
		set["scalingConfig"] = merged
		for field, v := range scaling {
			params[capital(field)] = v
		}
	}
	if change := sub(q.in, "labels"); len(change) > 0 {
		set["labels"] = labelPatch(change)
		params["LabelsToAdd"] = change
	}
	if change := sub(q.in, "taints"); len(change) > 0 {
		set["taints"] = changedTaints(list(t.Doc, "taints"), change)
		params["TaintsToAdd"] = change
	}
	if c, given := q.in["updateConfig"]; given {
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
	for _, k := range texts(change, "removeLabels") {
		patch[k] = nil
	}
	for k, v := range sub(change, "addOrUpdateLabels") {
		patch[k] = v
	}
	return patch
}

// changedTaints are the taints after some were removed, and others then added or changed. Key and effect identify a taint.
func changedTaints(there []any, change doc) []any {
	out := slices.Clone(there)
	for _, field := range []string{"removeTaints", "addOrUpdateTaints"} {
		for _, t := range docs(change, field) {
			out = slices.DeleteFunc(out, func(old any) bool {
				return text(old.(doc), "key") == text(t, "key") && text(old.(doc), "effect") == text(t, "effect")
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
	to := text(q.in, "version")
	if to == "" {
		to = cluster.Text("version")
	}
	from := t.Text("version")
	if minor(to) < minor(from) || minor(to) > minor(cluster.Text("version")) {
		return nil, wrong("Requested version %s for nodegroup %s is not between its own %s and its cluster's %s", to, t.Name, from, cluster.Text("version")).about(doc{"clusterName": cluster.Name, "nodegroupName": t.Name})
	}
	release := to + ".1-20261101"
	return q.updating(t, "VersionUpdate", doc{"Version": to, "ReleaseVersion": release}, groupRolled, doc{"version": to, "releaseVersion": release})
}
