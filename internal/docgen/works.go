package docgen

import (
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// works says what is owed in the phases that are no rest. It is written down,
// because only an entity that lived so far could be asked; the test holds it
// against the bounds of the phases and the effects.
var works = map[ev.Kind]map[fsm.Phase]string{
	ev.Customer: {
		fsm.Closing: "deletes all it owns, what nothing else uses first",
	},
	ev.Account: {
		fsm.Requested: "waits for its owner, if it is a customer's",
		fsm.Verifying: "`verify_account`",
		fsm.Failing:   "waits, longer each time, and is then verified again",
	},
	ev.Dataplane: {
		fsm.Requested:       "waits for its account, and for its owner",
		fsm.Networking:      "`ensure_network`",
		fsm.ClusterCreating: "`ensure_cluster`",
		fsm.Bootstrapping:   "`ensure_system_pool`, then `ensure_cloud_addons`, then `ensure_base`",
		fsm.Equipping:       "waits for the addons that its bootstrap names",
		fsm.Updating:        "the effects that the new spec concerns, in the order above; an upgrade has `upgrade_pools` before the add-ons; all of them after a drift or a failure",
		fsm.Retiring:        "`retire_pools`, of machines of its own that are not wanted any more",
		fsm.Deleting:        "`remove_owned`",
	},
	ev.TenantInfra: {
		fsm.Requested:    "waits for its dataplane, and for its owner",
		fsm.Provisioning: "`ensure_pools`",
		fsm.Updating:     "`ensure_pools`",
		fsm.Retiring:     "`retire_pools`",
		fsm.Deleting:     "`remove_owned`",
	},
	ev.Tenant: {
		fsm.Requested:    "waits for its customer and its plan",
		fsm.Placing:      "waits for a tenant infra that fits the plan",
		fsm.Waiting:      "waits for the dataplane and the tenant infra it was placed on",
		fsm.Provisioning: "`ensure_tenant`; for a multi-tenant plan `join_tenant`, then `record_tenant`",
		fsm.Suspending:   "`suspend_tenant`",
		fsm.Resuming:     "`resume_tenant`",
		fsm.Moving:       "waits for the place that it goes to; to other machines `move_tenant`, to another cluster `relocate_tenant`, step by step; else `ensure_tenant` on the new terms",
		fsm.Deleting:     "deletes its applications, then `remove_tenant`; for a multi-tenant plan `leave_tenant`, then `forget_tenant`",
	},
	ev.Application: {
		fsm.Pending:      "waits for its tenant",
		fsm.Installing:   "`ensure_application`",
		fsm.Upgrading:    "`ensure_application`",
		fsm.RollingBack:  "`ensure_application`, of what was deployed before",
		fsm.Copying:      "`ensure_application`, where its tenant goes to",
		fsm.Copied:       "waits for what becomes of its tenant's move",
		fsm.Uninstalling: "`remove_application`",
	},
	ev.Addon: {
		fsm.Pending:      "waits for the base of its dataplane, and for its owner",
		fsm.Installing:   "`ensure_addon`",
		fsm.Upgrading:    "`ensure_addon`",
		fsm.RollingBack:  "`ensure_addon`, of what was deployed before",
		fsm.Uninstalling: "`remove_addon`",
	},
	ev.Cell: {
		fsm.Opening: "waits for its tenant infra, and for its owner; a cell of a plan then `ensure_cell`, and waits for its applications",
		fsm.Closing: "deletes its applications, then `remove_cell`",
	},
	ev.CellApplication: {
		fsm.Pending:      "waits for the namespace of its cell, and for its owner",
		fsm.Installing:   "`ensure_application`",
		fsm.Upgrading:    "`ensure_application`",
		fsm.RollingBack:  "`ensure_application`, of what was deployed before",
		fsm.Uninstalling: "`remove_application`",
	},
}

// effects are all the work that somebody outside the log does.
var effects = []struct {
	effect ev.Effect
	doc    string
}{
	{ev.VerifyAccount{}, "enter the account with its role and see that the rights suffice"},
	{ev.EnsureNetwork{}, "a network of the dataplane's own, marked with its owner"},
	{ev.EnsureCluster{}, "a Kubernetes control plane in that network"},
	{ev.EnsureSystemPool{}, "the machines for what the dataplane itself runs"},
	{ev.UpgradePools{}, "every node pool of the cluster, whoever owns it, at the cluster's Kubernetes version, one after the other"},
	{ev.EnsureCloudAddons{}, "the cloud's add-ons: network, identity, autoscaler, DNS, storage"},
	{ev.EnsureBase{}, "what every cluster needs before tenants and addons use it"},
	{ev.EnsurePools{}, "all node pools of the tenant infra, with its labels and taints"},
	{ev.RetirePools{}, "deletes node pools that are no longer wanted, once the pods on them have left"},
	{ev.EnsureTenant{}, "the namespace, and the quota, limits, rights and network policy that guard it"},
	{ev.SuspendTenant{}, "the same namespace, in which nothing runs: what has a scale is at 0, CronJobs start nothing"},
	{ev.MoveTenant{}, "one step of the tenant's move to other machines: make room there, label the namespace, evict pods, free the room that was held"},
	{ev.RelocateTenant{}, "a step of the tenant's move to another cluster: its namespace there or here, closed or open; where that place is a cell, its record there"},
	{ev.ResumeTenant{}, "the same namespace, in which everything runs again that ran before the tenant was suspended"},
	{ev.EnsureApplication{}, "the application's Helm release, or its objects, in the tenant's namespace"},
	{ev.EnsureAddon{}, "the addon's namespace with its Helm release or objects; on the platform's dataplanes also objects of the whole cluster"},
	{ev.RemoveOwned{}, "deletes everything in the cloud that carries the entity's mark, until a listing is empty"},
	{ev.RemoveTenant{}, "deletes the tenant's namespace and all in it"},
	{ev.RemoveApplication{}, "deletes the application's release and objects"},
	{ev.RemoveAddon{}, "deletes the addon's release, its objects and its namespace"},
	{ev.EnsureCell{}, "the namespace of a plan's cell, its installer's account, and the policies that keep other cells out"},
	{ev.RemoveCell{}, "deletes that namespace and all in it"},
	{ev.JoinTenant{}, "the tenant's record in its cell, and a Job by which it joins, run to its end"},
	{ev.RecordTenant{}, "the same record, now saying that the tenant is active, and no Job any more"},
	{ev.LeaveTenant{}, "the same record, now saying that the tenant leaves, and a Job by which it does, run to its end"},
	{ev.ForgetTenant{}, "deletes the record and the Jobs"},
}
