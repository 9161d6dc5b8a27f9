package eks

import (
	"fmt"
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// updateKind is the kind of updates, as the world has it.
const updateKind = "update"

// updating starts an update of a thing: from now it is UPDATING, and when it is done it is as set and of the status given.
// Of a token that has made the same before, that is the answer.
func (q *request) updating(t *emulator.Resource, kind string, params doc, takes time.Duration, set doc) (doc, error) {
	if old := q.updateOf(t, kind); old != nil {
		return doc{"update": tellUpdate(old)}, nil
	}
	if t.Text("status") != "ACTIVE" && t.Text("status") != "DEGRADED" {
		return nil, busy(kind, t)
	}
	id := core.RequestID()
	done := q.After(takes)
	u := q.Here().Make(emulator.Resource{
		Kind: updateKind, Parent: t.Kind + " " + t.Parent + "/" + t.Name, Name: id, With: t.N, Token: core.Text(q.Params, "clientRequestToken"), Request: core.WithoutToken(q.Params, "clientRequestToken"),
		Doc: doc{"id": id, "type": kind, "status": "InProgress", "createdAt": q.seconds(), "params": typed(params), "errors": []any{}},
		Due: &emulator.Scheduled{At: done, Set: doc{"status": "Successful"}},
	}, 0)
	e := q.Edit(t)
	back := t.Text("status")
	e.Doc["status"] = "UPDATING"
	if t.Kind != "cluster" {
		set["modifiedAt"] = q.seconds()
	}
	set["status"] = "ACTIVE"
	e.Due = &emulator.Scheduled{At: done, Set: set}
	q.updateTrouble(u, e, back)
	return doc{"update": tellUpdate(u)}, nil
}

// updateTrouble has what a fault does to an update: it fails, and the thing is as before; or it never ends.
func (q *request) updateTrouble(u, t *emulator.Resource, back string) {
	f, hit := q.Strike(emulator.Creating)
	switch {
	case hit && f.Stuck:
		u.Due, t.Due = nil, nil
	case hit:
		u.Due.Set = doc{"status": "Failed", "errors": []any{doc{"errorCode": f.Code, "errorMessage": f.Message, "resourceIds": []any{t.Name}}}}
		t.Due.Set = doc{"status": back}
	}
}

// updateOf is the update that the request's token has started before; nil if none.
func (q *request) updateOf(t *emulator.Resource, kind string) *emulator.Resource {
	for _, u := range q.Here().All(updateKind) {
		if u.With == t.N && u.Text("type") == kind && q.again(u) {
			return u
		}
	}
	return nil
}

func tellUpdate(u *emulator.Resource) doc { return core.Visible(u) }

// typed are an update's parameters as a list.
func typed(params doc) []any {
	all := []any{}
	for _, k := range core.SortedKeys(params) {
		all = append(all, doc{"type": k, "value": fmt.Sprint(params[k])})
	}
	return all
}

// updated is the thing whose updates a request is about.
func (q *request) updated() (*emulator.Resource, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	switch {
	case core.Text(q.Params, "nodegroupName") != "":
		return q.nodegroup(cluster)
	case core.Text(q.Params, "addonName") != "":
		return q.addon(cluster)
	}
	return cluster, nil
}

func (q *request) describeUpdate() (doc, error) {
	t, err := q.updated()
	if err != nil {
		return nil, err
	}
	id := core.Text(q.Params, "updateId")
	for _, u := range q.Here().Shown(updateKind) {
		if u.With == t.N && u.Name == id {
			return doc{"update": tellUpdate(u)}, nil
		}
	}
	return nil, core.Fail("ResourceNotFoundException", "No update found for ID: %s", id)
}

func (q *request) listUpdates() (doc, error) {
	t, err := q.updated()
	if err != nil {
		return nil, err
	}
	var ids []any
	for _, u := range q.Here().Shown(updateKind) {
		if u.With == t.N {
			ids = append(ids, u.Name)
		}
	}
	return q.pageOf("updateIds", ids)
}

func (q *request) updateClusterVersion() (doc, error) {
	t, err := q.cluster()
	if err != nil {
		return nil, err
	}
	if old := q.updateOf(t, "VersionUpdate"); old != nil {
		return doc{"update": tellUpdate(old)}, nil
	}
	if t.Text("status") != "ACTIVE" {
		return nil, busy("VersionUpdate", t)
	}
	from, to := t.Text("version"), core.Text(q.Params, "version")
	switch {
	case from == to:
		return nil, wrong("Cluster is already at the desired configuration with version %s", to).About(doc{"clusterName": t.Name})
	case !slices.Contains(q.Cloud.Gone.Without(versions), to) || minor(to) != minor(from)+1:
		return nil, wrong("Unsupported Kubernetes minor version update from %s to %s", from, to).About(doc{"clusterName": t.Name})
	}
	for _, n := range q.Here().All("nodegroup") {
		if n.Parent == t.Name && minor(to)-minor(n.Text("version")) > 3 {
			return nil, core.Fail("InvalidRequestException", "Nodegroups [%s] must be updated to match cluster version %s before updating cluster version", n.Name, from).About(doc{"clusterName": t.Name, "nodegroupName": n.Name})
		}
	}
	return q.updating(t, "VersionUpdate", doc{"Version": to, "PlatformVersion": "eks.1"}, versionUpdated, doc{"version": to})
}

// configs are what UpdateClusterConfig can change, each with the name of that update. One at a time.
var configs = map[string]string{
	"resourcesVpcConfig": "EndpointAccessUpdate", "logging": "LoggingUpdate", "accessConfig": "AccessConfigUpdate", "upgradePolicy": "UpgradePolicyUpdate",
	"zonalShiftConfig": "ZonalShiftConfigUpdate", "deletionProtection": "DeletionProtectionUpdate", "computeConfig": "AutoModeUpdate", "kubernetesNetworkConfig": "AutoModeUpdate",
	"storageConfig": "AutoModeUpdate", "remoteNetworkConfig": "RemoteNetworkConfigUpdate", "controlPlaneScalingConfig": "ControlPlaneScalingConfigUpdate",
}

func (q *request) updateClusterConfig() (doc, error) {
	t, err := q.cluster()
	if err != nil {
		return nil, err
	}
	kinds, set, params := map[string]bool{}, doc{}, doc{}
	for _, field := range core.SortedKeys(configs) {
		if v, given := q.Params[field]; given {
			kinds[configs[field]] = true
			set[field] = v
			params[core.Capital(field)] = v
		}
	}
	if len(kinds) != 1 {
		return nil, wrong("Only one type of update can be allowed, and one is needed: %v", core.SortedKeys(kinds)).About(doc{"clusterName": t.Name})
	}
	kind := core.SortedKeys(kinds)[0]
	if old := q.updateOf(t, kind); old == nil && alreadySo(t.Doc, set) {
		return nil, core.Fail("InvalidRequestException", "The cluster is already at the desired configuration").About(doc{"clusterName": t.Name})
	}
	return q.updating(t, kind, params, clusterUpdated, set)
}

// alreadySo says whether merging would change nothing.
func alreadySo(d, set doc) bool {
	after := emulator.Copy(d)
	emulator.Merge(after, emulator.Copy(set))
	return core.Same(after, d)
}
