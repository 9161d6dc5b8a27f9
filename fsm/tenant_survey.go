package fsm

import (
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// PlaceFor is where a tenant would be put now, or why nowhere. An error says that it may not be of this spec.
func PlaceFor(ref ev.Ref, spec ev.TenantSpec, refs *Refs) (*ev.Placement, *Blocker, error) {
	if err := tenant.fits(ref, spec, refs); err != nil {
		return nil, nil, err
	}
	e := hypothetical(ref, spec)
	if w := refs.unmet(subscription(e)); w != nil {
		return nil, w, nil
	}
	changes, w := place(e, refs, "")
	for _, c := range changes {
		for _, happened := range c.Events {
			if placed, ok := happened.(ev.Placed); ok {
				return &placed.Placement, nil, nil
			}
		}
	}
	return nil, w, nil
}

func hypothetical(ref ev.Ref, spec ev.TenantSpec) Entity[TenantData] {
	return Entity[TenantData]{Base{Ref: ref}, TenantData{Spec: spec}}
}

// Misses says in what a tenant infra is not what a tenant's plan asks for; nothing if the tenant may be put there. It is
// for people, who ask about every infra: deciding asks an index.
func Misses(ref ev.Ref, spec ev.TenantSpec, infra Entity[Data], get func(ev.Ref) (Entity[Data], bool)) (misses []string) {
	p, _ := get(ready(ev.Plan, spec.Plan).Ref)
	c, _ := get(ev.Ref{Kind: ev.Customer, Owner: ref.Owner, ID: ref.Owner})
	w := wantOf(hypothetical(ref, spec), typed[PlanData](p), typed[CustomerData](c).Data)
	d := typed[TenantInfraData](infra).Data
	base, _ := get(infra.dataplane().Ref)
	dp := typed[DataplaneData](base)
	acc, _ := get(ready(ev.Account, dp.Data.Spec.Account).Ref)
	in := typed[AccountData](acc).Data.Spec
	miss := func(is bool, format string, args ...any) {
		if is {
			misses = append(misses, fmt.Sprintf(format, args...))
		}
	}
	miss(d.Spec.App != w.class.App, "is for application type %s", d.Spec.App)
	miss(d.Spec.Size != w.class.Size, "is of size %s", d.Spec.Size)
	miss(in.Hosting != w.class.Hosting, "is in an account of hosting %s", in.Hosting)
	miss((dp.Data.Spec.Type == "dedicated") != w.class.Dedicated, "is on a %s dataplane", dp.Data.Spec.Type)
	miss(w.region != "" && dp.Data.Spec.Region != w.region, "is in region %s", dp.Data.Spec.Region)
	miss(!w.residency.Allows(in.Cloud, dp.Data.Spec.Region), "is in region %s of cloud %s, where the plan's tenants may not be", dp.Data.Spec.Region, in.Cloud)
	miss(dp.Ref.Owner != ev.Platform && dp.Ref.Owner != w.customer, "is on a dataplane of another customer")
	miss(!dp.Data.takes(w.customer), "is on a dataplane that another customer has claimed")
	miss(!infra.offers(), "is %s", infra.Phase())
	miss(!dp.offers(), "is on a dataplane that is %s", dp.Phase())
	return misses
}

// Rejected counts the tenant infras that did not fit for one reason.
type Rejected struct {
	Reason string `json:"reason" doc:"What is not as the plan asks"`
	Count  int    `json:"count" doc:"How many tenant infras it keeps out"`
}

// NearMiss is a tenant infra that did not fit, and all that is in the way.
type NearMiss struct {
	TenantInfra string   `json:"tenantinfra" doc:"Such as -/eu_pg-small"`
	Reasons     []string `json:"reasons" doc:"What would have to be otherwise"`
}

// Survey counts how tenant infras fit a tenant. The zero value has seen none.
type Survey struct {
	Fit      int
	rejected map[string]int
	nearest  []NearMiss
}

// NearMisses bounds how many near misses a survey keeps.
const NearMisses = 5

// Add counts one more infra with its misses.
func (s *Survey) Add(infra ev.Ref, misses []string) {
	if len(misses) == 0 {
		s.Fit++
		return
	}
	if s.rejected == nil {
		s.rejected = map[string]int{}
	}
	for _, m := range misses {
		s.rejected[m]++
	}
	s.nearest = append(s.nearest, NearMiss{infra.Path(), misses})
	slices.SortFunc(s.nearest, func(a, b NearMiss) int {
		if d := len(a.Reasons) - len(b.Reasons); d != 0 {
			return d
		}
		return strings.Compare(a.TenantInfra, b.TenantInfra)
	})
	s.nearest = s.nearest[:min(len(s.nearest), NearMisses)]
}

// Nearest are the infras with the fewest misses, at most NearMisses, the nearest first.
func (s *Survey) Nearest() []NearMiss { return slices.Clone(s.nearest) }

// Rejected are the reasons, the most frequent first.
func (s *Survey) Rejected() []Rejected {
	all := make([]Rejected, 0, len(s.rejected))
	for reason, n := range s.rejected {
		all = append(all, Rejected{reason, n})
	}
	slices.SortFunc(all, func(a, b Rejected) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	return all
}
