package fsmtest

import (
	ev "github.com/aeriehq/aerie/events"
)

// The pasts that lives begin with.
var (
	SimAccount = ev.CloudAccount{Cloud: "sim", Number: "100"}
	MainSpec   = ev.AccountSpec{Cloud: "sim", Number: "100", Hosting: "provider"}
	FreeSpec   = ev.PlanSpec{Hosting: "provider", Deployment: "resource-shared", Apps: []ev.PlanApp{{Type: "pg", Size: "small"}, {Type: "kafka", Size: "small"}},
		Isolation: true, Placement: "spread", Quota: ev.PlanQuota{CPU: "1", Memory: "1Gi", Storage: "1Gi", Pods: 5}}
	EuSpec    = ev.DataplaneSpec{Account: "-/main", Region: "eu-central", Type: "shared", Version: "1.36", SystemPool: ev.SystemPool{Machine: "s2", Min: 1, Max: 3}}
	InfraSpec = ev.TenantInfraSpec{App: "pg", Size: "small", Scheduling: "strict", Pools: []ev.Pool{{Name: "a", Machine: "m4", Max: 3, Priority: "on-demand"}}}
	ProdSpec  = ev.TenantSpec{Plan: "-/free", App: "pg"}
	PgSpec    = ev.ApplicationSpec{Manifests: []map[string]any{{"kind": "ConfigMap"}}}
	PoolsUp   = ev.PoolsObserved{Pools: []ev.PoolStatus{{Name: "a", State: "active", Nodes: 1}}}
)

// CustomerIs is a customer that was created.
func CustomerIs(id string) []Fact {
	return Is("customer "+id, ev.Created[ev.CustomerSpec]{UID: "u-" + id, Spec: ev.CustomerSpec{Hosting: "provider"}})
}

// AccountIs is the platform's account with what happened to it after its request.
func AccountIs(events ...ev.Event) []Fact {
	return Is("account -/main", append([]ev.Event{ev.Requested[ev.AccountSpec]{UID: "u-main", Spec: MainSpec}}, events...)...)
}

// AccountReady is the platform's account, verified.
func AccountReady() []Fact { return AccountIs(ev.VerificationStarted{}, ev.Verified{}) }

// PlanIs is a plan whose spec is FreeSpec with a change, released unless it is a draft.
func PlanIs(id string, with func(*ev.PlanSpec)) []Fact {
	spec := FreeSpec
	with(&spec)
	events := []ev.Event{ev.Created[ev.PlanSpec]{UID: "u-" + id, Spec: spec}}
	if !spec.Draft {
		events = append(events, ev.Released{})
	}
	return Is("plan -/"+id, events...)
}

// PlanReady is the plan that ProdSpec names.
func PlanReady() []Fact { return PlanIs("free", func(*ev.PlanSpec) {}) }

// DedicatedPlan is the plan "business", whose deployment is dedicated.
func DedicatedPlan() []Fact {
	return PlanIs("business", func(s *ev.PlanSpec) { s.Deployment = "dedicated" })
}

// DataplaneIs is a dataplane with what happened to it after its request.
func DataplaneIs(path string, with func(*ev.DataplaneSpec), events ...ev.Event) []Fact {
	spec := EuSpec
	with(&spec)
	return Is("dataplane "+path, append([]ev.Event{ev.Requested[ev.DataplaneSpec]{UID: "u-" + path, Spec: spec}}, events...)...)
}

// AsIs changes nothing of a spec.
func AsIs[T any](*T) {}

// AllAddons says that the cloud's add-ons of a dataplane are there.
var AllAddons = ev.CloudAddonsReady{Addons: []ev.CloudAddon{{Name: "network", Version: "1.1"}, {Name: "storage", Version: "1.1"}}}

// Built is how a dataplane becomes Active.
func Built(more ...ev.Event) []ev.Event {
	return append([]ev.Event{
		ev.NetworkingStarted{Account: SimAccount}, ev.NetworkReady{Network: "net"}, ev.ClusterReady{Cluster: "cluster"},
		ev.SystemPoolReady{Nodes: 1}, AllAddons, ev.Activated{}}, more...)
}

// EuBuilt is the shared dataplane, built, with what happened to it then.
func EuBuilt(more ...ev.Event) []Fact { return DataplaneIs("-/eu", AsIs, Built(more...)...) }

// Platform is all a shared tenant needs but a tenant infra.
func Platform() []Fact { return History(CustomerIs("acme"), AccountReady(), PlanReady(), EuBuilt()) }

// InfraIs is a tenant infra with what happened to it after its request.
func InfraIs(path string, with func(*ev.TenantInfraSpec), events ...ev.Event) []Fact {
	spec := InfraSpec
	with(&spec)
	return Is("tenantinfra "+path, append([]ev.Event{ev.Requested[ev.TenantInfraSpec]{UID: "u-" + path, Spec: spec}}, events...)...)
}

// InfraBuilt is the tenant infra on the shared dataplane, built, with what happened to it then.
func InfraBuilt(more ...ev.Event) []Fact {
	return InfraIs("-/eu_pg", AsIs, append([]ev.Event{ev.ProvisioningStarted{Cluster: "cluster"}, PoolsUp, ev.Activated{}}, more...)...)
}

// TenantIs is a tenant with what happened to it after its request.
func TenantIs(path string, events ...ev.Event) []Fact {
	return Is("tenant "+path, append([]ev.Event{ev.Requested[ev.TenantSpec]{UID: "u-" + path, Spec: ProdSpec}}, events...)...)
}

var (
	placedOnEU = ev.Placed{Placement: ev.Placement{Dataplane: "-/eu", TenantInfra: "-/eu_pg", Namespace: "acme--prod", Plan: "-/free", PlanVersion: 1, Size: "small"}}
	// Starting is what happens to a tenant from its request until its provisioning begins.
	Starting = []ev.Event{ev.PlacingStarted{}, placedOnEU, ev.TenantProvisioningStarted{Cluster: "cluster"}}
)

// TenantActive is a tenant on the shared dataplane, active, with what happened to it then.
func TenantActive(more ...ev.Event) []Fact {
	return TenantIs("acme/prod", append(append([]ev.Event{}, Starting...), append([]ev.Event{ev.Activated{}}, more...)...)...)
}

// TenantHome is all an application needs.
func TenantHome() []Fact { return History(Platform(), InfraBuilt(), TenantActive()) }

// AppIs is an application with what happened to it after its request.
func AppIs(events ...ev.Event) []Fact {
	return Is("application acme/prod_pg", append([]ev.Event{ev.Requested[ev.ApplicationSpec]{UID: "u-pg", Spec: PgSpec}}, events...)...)
}

// Installing says that the work on the application of AppIs has begun.
var Installing = ev.InstallingStarted{Cluster: "cluster", Namespace: "acme--prod"}
