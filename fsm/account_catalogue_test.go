package fsm_test

import (
	"slices"
	"testing"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/fsm/fsmtest"
)

// TestWhatWasNotOnOfferGoesOn has what was given up for something that a cloud did not have, and that on offer again or not.
func TestWhatWasNotOnOfferGoesOn(t *testing.T) {
	const eu, infra, main, free = "dataplane -/eu", "tenantinfra -/eu_pg", "account -/main", "plan -/free"
	refused := fsmtest.Attempt(0, ev.ConfigProblem).Reason
	noted := func(changes ...ev.CatalogueChanged) (facts []fsmtest.Fact) {
		for _, c := range changes {
			c.Region = "eu-central"
			facts = append(facts, fsmtest.Is(main, c)...)
		}
		return facts
	}
	versions := func(all ...string) (is ev.CatalogueChanged) {
		for _, v := range all {
			is.Versions = append(is.Versions, ev.ClusterVersion{Version: v})
		}
		return is
	}
	dns := func(all ...string) ev.CatalogueChanged {
		return ev.CatalogueChanged{Addons: []ev.AddonVersions{{Name: "dns", Versions: all}}}
	}
	gone, back := ev.CatalogueChanged{Gone: []string{"s2"}}, ev.CatalogueChanged{Machines: []string{"s2"}}
	degraded := func(why ev.Reason) []fsmtest.Fact {
		return fsmtest.History(known("1.36"), noted(gone), fsmtest.Is(eu, ev.Drifted{Found: fsmtest.Gone(ev.PartSystemPool)}, ev.RepairStarted{}, ev.Degraded{Reason: why}))
	}
	wished := func(change func(*ev.DataplaneSpec)) []fsmtest.Fact {
		return known("1.36", ev.UpdateRequested[ev.DataplaneSpec]{Spec: spec(change)}, ev.UpdateFailed{Reason: refused})
	}
	building := fsmtest.History(fsmtest.AccountReady(), noted(offered, gone), fsmtest.DataplaneIs("-/eu", fsmtest.AsIs, ev.NetworkingStarted{}, ev.NetworkReady{Network: "net"}, ev.Failed{Reason: refused}))
	reports := fsmtest.History(fsmtest.AccountReady(), noted(offered, gone), fsmtest.DataplaneIs("-/eu", reportsDrift, fsmtest.Built(ev.Drifted{Found: fsmtest.Gone(ev.PartBase)})...))
	pools := fsmtest.InfraSpec
	pools.Pools = []ev.Pool{{Name: "a", Machine: "m4", Alternatives: []string{"m6i.huge"}, Max: 3, Priority: "on-demand"}}
	inVain := fsmtest.History(known("1.36"), fsmtest.InfraBuilt(ev.UpdateRequested[ev.TenantInfraSpec]{Spec: pools}, ev.UpdateFailed{Reason: refused}))
	unmade := fsmtest.History(known("1.36"), fsmtest.InfraIs("-/eu_pg", fsmtest.AsIs, ev.ProvisioningStarted{Cluster: "cluster"}, ev.Failed{Reason: refused}))
	blocked := fsmtest.History(fsmtest.AccountReady(), noted(offered, gone), fsmtest.PlanIs("free", func(s *ev.PlanSpec) {
		s.Provision = []ev.Provision{template(func(*ev.Provision) {}), template(func(p *ev.Provision) { p.Name, p.Account = "theirs", ev.CustomersAccount })}
	}), fsmtest.Is(free, ev.ProvisionBlocked{Reason: ev.Reason{Code: ev.ProvisionStopped, Fault: ev.ByUser}}))
	larger := ev.CatalogueChanged{Machines: []string{"m6i.huge,large,xlarge"}}
	on, asItWas := []string{eu + " retry_requested"}, "config_problem"
	live(t, []life{
		{name: "a machine type is sold again", given: fsmtest.History(degraded(refused), noted(back)), when: settle(eu), then: on, phase: fsm.Updating},
		{name: "it is not sold yet", given: degraded(refused), when: settle(eu), phase: fsm.Degraded, why: asItWas},
		{name: "others are", given: fsmtest.History(degraded(refused), noted(larger, dns("1.0", "1.1", "2.0"))), when: settle(eu), phase: fsm.Degraded, why: asItWas},
		{name: "in another region", given: fsmtest.History(degraded(refused), fsmtest.Is(main, ev.CatalogueChanged{Region: "us-east", Machines: []string{"s4"}}, ev.CatalogueChanged{Region: "us-east", Machines: []string{"s2"}})), when: settle(eu), phase: fsm.Degraded},
		{name: "it was sold again before that, and went", given: fsmtest.History(degraded(refused), noted(back, gone)), when: settle(eu), phase: fsm.Degraded, why: asItWas},
		{name: "it was sold again, and it failed after that", given: fsmtest.History(degraded(refused), noted(back), fsmtest.Is(eu, ev.RetryRequested{}, ev.Degraded{Reason: refused})), when: settle(eu), phase: fsm.Degraded, why: asItWas},
		{name: "once each time", given: fsmtest.History(degraded(refused), noted(back), fsmtest.Is(eu, ev.RetryRequested{}, ev.Degraded{Reason: refused}), noted(gone, back)), when: settle(eu), then: on, phase: fsm.Updating},
		{name: "whatever the cloud called it", given: fsmtest.History(degraded(fsmtest.Attempt(0, ev.Timeout).Reason), noted(back)), when: settle(eu), then: on},
		{name: "but what people have denied", given: fsmtest.History(degraded(ev.Reason{Code: ev.Unauthorized, Denied: true}), noted(back)), when: settle(eu), phase: fsm.Degraded},
		{name: "what only has drifted is somebody's to decide", given: fsmtest.History(reports, noted(back)), when: settle(eu), phase: fsm.Active, why: "drifted"},
		{name: "what is to go does not come back", given: fsmtest.History(degraded(refused), fsmtest.Is(eu, ev.DeletionRequested{}, ev.Drained{}), noted(back)), when: settle(eu), phase: fsm.Deleting},
		{name: "one that was being built", given: fsmtest.History(building, noted(back)), when: settle(eu), then: append(slices.Clone(on), eu+" networking_started"), phase: fsm.Networking},

		{name: "a version that there is now", given: fsmtest.History(wished(version("1.37")), noted(versions("1.35", "1.36", "1.37"))), when: settle(eu), then: on, phase: fsm.Updating},
		{name: "another version", given: fsmtest.History(wished(version("1.37")), noted(versions("1.34", "1.35", "1.36"))), when: settle(eu), phase: fsm.Active, why: asItWas},
		{name: "the cloud says again what it has", given: fsmtest.History(wished(version("1.37")), noted(ev.CatalogueChanged{Silent: true}, versions("1.36", "1.37"))), when: settle(eu), phase: fsm.Active, why: asItWas},
		{name: "a version of an add-on", given: fsmtest.History(wished(func(s *ev.DataplaneSpec) { s.CloudAddons.DNS = "2.0" }), noted(dns("1.1", "2.0"))), when: settle(eu), then: on, phase: fsm.Updating},
		{name: "that of another add-on", given: fsmtest.History(wished(func(s *ev.DataplaneSpec) { s.CloudAddons.DNS = "2.0" }), noted(ev.CatalogueChanged{Addons: []ev.AddonVersions{{Name: "storage", Versions: []string{"2.0"}}}})), when: settle(eu), phase: fsm.Active},

		{name: "machines that a pool may have instead", given: fsmtest.History(inVain, noted(larger)), when: settle(infra), then: []string{infra + " retry_requested"}, phase: fsm.Updating},
		{name: "other machines", given: fsmtest.History(inVain, noted(gone, back)), when: settle(infra), phase: fsm.Active, why: asItWas},
		{name: "a pool that never was", given: fsmtest.History(unmade, noted(ev.CatalogueChanged{Gone: []string{"m4"}}, ev.CatalogueChanged{Machines: []string{"m4"}})), when: settle(infra), then: []string{infra + " retry_requested", infra + " provisioning_started"}, phase: fsm.Provisioning},

		{name: "a plan whose template can be made now", given: fsmtest.History(blocked, noted(back)), when: settle(free), then: []string{free + " retry_requested"}, phase: fsm.Released, why: "-"},
		{name: "a plan whose template can't", given: fsmtest.History(blocked, noted(larger)), when: settle(free), phase: fsm.Released, why: "provision_blocked"},
	})
	for _, who := range []struct {
		name  string
		given []fsmtest.Fact
	}{{eu, degraded(refused)}, {infra, inVain}, {free, blocked}} {
		w := fsmtest.WorldOf(t, who.given)
		if waits := w.Waiting(fsmtest.RefOf(main)); !slices.Contains(waits, fsmtest.RefOf(who.name)) {
			t.Errorf("%s does not wait for its account, only %v", who.name, waits)
		}
		if why := w.Blocker(mustGet(t, w, who.name)); why == nil || why.Retried {
			t.Errorf("%s says %+v", who.name, why) // --wait ends: nobody knows when it is on offer
		}
	}
}
