package fsm

import (
	ev "github.com/aeriehq/aerie/events"
)

// The pasts that lives begin with.
var (
	simAccount = ev.CloudAccount{Cloud: "sim", Number: "100"}
	mainSpec   = ev.AccountSpec{Cloud: "sim", Number: "100", Hosting: "provider"}
	freeSpec   = ev.PlanSpec{Hosting: "provider", Deployment: "resource-shared", Apps: []ev.PlanApp{{Type: "pg", Size: "small"}, {Type: "kafka", Size: "small"}},
		Isolation: true, Placement: "spread", Quota: ev.PlanQuota{CPU: "1", Memory: "1Gi", Storage: "1Gi", Pods: 5}}
	euSpec    = ev.DataplaneSpec{Account: "-/main", Region: "eu-central", Type: "shared", Version: "1.36", SystemPool: ev.SystemPool{Machine: "s2", Min: 1, Max: 3}}
	infraSpec = ev.TenantInfraSpec{App: "pg", Size: "small", Scheduling: "strict", Pools: []ev.Pool{{Name: "a", Machine: "m4", Max: 3, Priority: "on-demand"}}}
	prodSpec  = ev.TenantSpec{Plan: "-/free", App: "pg"}
	pgSpec    = ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "ConfigMap"}}}
	poolsUp   = ev.PoolsObserved{Pools: []ev.PoolStatus{{Name: "a", State: "active", Nodes: 1}}}
)

func customerIs(id string) []fact {
	return is("customer "+id, ev.Created[ev.CustomerSpec]{UID: "u-" + id, Spec: ev.CustomerSpec{Hosting: "provider"}})
}

func accountIs(events ...ev.Event) []fact {
	return is("account -/main", append([]ev.Event{ev.Requested[ev.AccountSpec]{UID: "u-main", Spec: mainSpec}}, events...)...)
}

func accountReady() []fact { return accountIs(ev.VerificationStarted{}, ev.Verified{}) }

func planIs(id string, with func(*ev.PlanSpec)) []fact {
	spec := freeSpec
	with(&spec)
	events := release(spec, ev.Created[ev.PlanSpec]{UID: "u-" + id, Spec: spec})
	return is("plan -/"+id, events...)
}

func planReady() []fact { return planIs("free", func(*ev.PlanSpec) {}) }

func dedicatedPlan() []fact {
	return planIs("business", func(s *ev.PlanSpec) { s.Deployment = "dedicated" })
}

// dataplaneIs is a dataplane with what happened to it after its request.
func dataplaneIs(path string, with func(*ev.DataplaneSpec), events ...ev.Event) []fact {
	spec := euSpec
	with(&spec)
	return is("dataplane "+path, append([]ev.Event{ev.Requested[ev.DataplaneSpec]{UID: "u-" + path, Spec: spec}}, events...)...)
}

func asIs[T any](*T) {}

var allAddons = ev.CloudAddonsReady{Addons: []ev.CloudAddon{{Name: "network", Version: "1.1"}, {Name: "storage", Version: "1.1"}}}

// built is how a dataplane becomes Active.
func built(more ...ev.Event) []ev.Event {
	return append([]ev.Event{
		ev.NetworkingStarted{Account: simAccount}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "cluster"},
		ev.SystemPoolReady{Nodes: 1}, allAddons, ev.Activated{}}, more...)
}

func euBuilt(more ...ev.Event) []fact { return dataplaneIs("-/eu", asIs, built(more...)...) }

// platform is all a shared tenant needs but a tenant infra.
func platform() []fact { return history(customerIs("acme"), accountReady(), planReady(), euBuilt()) }

// infraIs is a tenant infra with what happened to it after its request.
func infraIs(path string, with func(*ev.TenantInfraSpec), events ...ev.Event) []fact {
	spec := infraSpec
	with(&spec)
	return is("tenantinfra "+path, append([]ev.Event{ev.Requested[ev.TenantInfraSpec]{UID: "u-" + path, Spec: spec}}, events...)...)
}

func infraBuilt(more ...ev.Event) []fact {
	return infraIs("-/eu_pg", asIs, append([]ev.Event{ev.ProvisioningStarted{Cluster: "cluster"}, poolsUp, ev.Activated{}}, more...)...)
}

// tenantIs is a tenant with what happened to it after its request.
func tenantIs(path string, events ...ev.Event) []fact {
	return is("tenant "+path, append([]ev.Event{ev.Requested[ev.TenantSpec]{UID: "u-" + path, Spec: prodSpec}}, events...)...)
}

var (
	placedOnEU = ev.Placed{Placement: ev.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Namespace: "acme--prod", Plan: "-/free", PlanVersion: 1, Size: "small"}}
	starting   = []ev.Event{ev.PlacingStarted{}, placedOnEU, ev.TenantProvisioningStarted{Cluster: "cluster"}}
)

func tenantActive(more ...ev.Event) []fact {
	return tenantIs("acme/prod", append(append([]ev.Event{}, starting...), append([]ev.Event{ev.Activated{}}, more...)...)...)
}

// tenantHome is all an application needs.
func tenantHome() []fact { return history(platform(), infraBuilt(), tenantActive()) }

func appIs(events ...ev.Event) []fact {
	return is("application acme/prod_pg", append([]ev.Event{ev.Requested[ev.ApplicationSpec]{UID: "u-pg", Spec: pgSpec}}, events...)...)
}

var installing = ev.InstallingStarted{Cluster: "cluster", Namespace: "acme--prod"}
