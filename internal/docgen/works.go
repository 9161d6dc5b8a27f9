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
		fsm.Closing: "the end of all it owns, what is used by nothing first",
	},
	ev.Account: {
		fsm.Requested: "waits for its owner, if it is a customer's",
		fsm.Verifying: "`verify_account`",
		fsm.Failing:   "waits for its time, longer each time, and is verified again",
	},
	ev.Dataplane: {
		fsm.Requested:       "waits for its account, and for its owner",
		fsm.Networking:      "`ensure_network`",
		fsm.ClusterCreating: "`ensure_cluster`",
		fsm.Bootstrapping:   "`ensure_system_pool`, then `ensure_cloud_addons`, then `ensure_base`",
		fsm.Equipping:       "waits for the addons that its bootstrap names",
		fsm.Updating:        "those that the new spec concerns, in the order above; an upgrade has `upgrade_pools` before the add-ons; after a drift or a failure all of them",
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
		fsm.Provisioning: "`ensure_tenant`",
		fsm.Suspending:   "`suspend_tenant`",
		fsm.Resuming:     "`resume_tenant`",
		fsm.Moving:       "waits for the place that it goes to; to other machines `move_tenant`, step by step; else `ensure_tenant` on the new terms",
		fsm.Deleting:     "the end of its applications, then `remove_tenant`",
	},
	ev.Application: {
		fsm.Pending:      "waits for its tenant",
		fsm.Installing:   "`ensure_application`",
		fsm.Upgrading:    "`ensure_application`",
		fsm.RollingBack:  "`ensure_application`, of what was deployed before",
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
		fsm.Opening: "waits for its tenant infra, and for its owner",
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
	{ev.UpgradePools{}, "every node pool on the cluster, whoever's, at the cluster's Kubernetes version, one after the other"},
	{ev.EnsureCloudAddons{}, "the cloud's add-ons: network, identity, autoscaler, DNS, storage"},
	{ev.EnsureBase{}, "what every cluster gets before anybody lives on it"},
	{ev.EnsurePools{}, "all node pools of the tenant infra, with its labels and taints"},
	{ev.RetirePools{}, "the end of node pools that are not wanted any more, once the pods on them have left"},
	{ev.EnsureTenant{}, "the namespace, and the quota, limits, rights and network policy that guard it"},
	{ev.SuspendTenant{}, "the same namespace, in which nothing runs: what has a scale is at 0, CronJobs start nothing"},
	{ev.MoveTenant{}, "a step of the tenant's move to other machines: room there, the namespace's label, pods that leave, the end of what held room"},
	{ev.ResumeTenant{}, "the same namespace, in which runs what ran before the tenant was suspended"},
	{ev.EnsureApplication{}, "the application's Helm release, or its objects, in the tenant's namespace"},
	{ev.EnsureAddon{}, "the addon's namespace, and in it its Helm release or objects; on the platform's dataplanes also what is of the whole cluster"},
	{ev.RemoveOwned{}, "the end of everything in the cloud that carries the entity's mark, until a listing is empty"},
	{ev.RemoveTenant{}, "the end of the tenant's namespace and all in it"},
	{ev.RemoveApplication{}, "the end of the application's release and objects"},
	{ev.RemoveAddon{}, "the end of the addon's release, its objects and its namespace"},
}
