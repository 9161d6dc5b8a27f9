package fsm

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// want is what a tenant's plan asks of a place.
type want struct {
	customer, app, size, region, hosting, rule string
	dedicated                                  bool
}

func wantOf(e Entity[TenantData], p Entity[PlanData]) want {
	spec := p.Data.Spec
	w := want{customer: e.Ref.Owner, app: e.Data.Spec.App, region: e.Data.Spec.Region,
		hosting: spec.Hosting, rule: spec.Placement, dedicated: spec.Deployment == "dedicated"}
	if w.app == "" {
		w.app = spec.Apps[0].Type
	}
	w.size = spec.SizeOf(w.app)
	return w
}

// String reads as the end of "the plan wants ...".
func (w want) String() string {
	kind := "shared"
	if w.dedicated {
		kind = "dedicated"
	}
	s := fmt.Sprintf("%s of size %s on a %s dataplane in an account of hosting %s", w.app, w.size, kind, w.hosting)
	if w.region != "" {
		s += " in " + w.region
	}
	return s
}

// candidate is a tenant infra that a tenant could be put on.
type candidate struct {
	infra     Entity[TenantInfraData]
	dataplane Entity[DataplaneData]
	tenants   int // how many are placed there already
}

// candidates lists the tenant infras that fit, in no order.
func candidates(w want, refs *Refs) (fits []candidate) {
	refs.all(ev.TenantInfra)
	refs.all(ev.Tenant) // who is placed where
	refs.reader.Each(ev.TenantInfra, func(e Entity[Data]) {
		infra := typed[TenantInfraData](e)
		if infra.Data.Spec.App != w.app || infra.Data.Spec.Size != w.size {
			return
		}
		dp, ok := find[DataplaneData](refs, infra.dataplane().Ref)
		if ok && w.fits(infra, dp, refs) {
			fits = append(fits, candidate{infra, dp, refs.reader.PlacedOn(e.Ref.Path())})
		}
	})
	return fits
}

func (w want) fits(infra Entity[TenantInfraData], dp Entity[DataplaneData], refs *Refs) bool {
	acc, _ := find[AccountData](refs, ready(ev.Account, dp.Data.Spec.Account).Ref)
	return infra.offers() && dp.offers() &&
		(w.region == "" || w.region == dp.Data.Spec.Region) &&
		acc.Data.Spec.Hosting == w.hosting &&
		(dp.Ref.Owner == ev.Platform || dp.Ref.Owner == w.customer) &&
		(dp.Data.Spec.Type == "dedicated") == w.dedicated &&
		dp.Data.takes(w.customer)
}

// better orders candidates: what is ready before what is not, the customer's own
// and what it is attached to before other dataplanes, then by the plan's rule, then
// by name.
func (w want) better(a, b candidate) int {
	byRule := cmp.Compare(a.tenants, b.tenants)
	if w.rule == "pack" {
		byRule = -byRule
	}
	return cmp.Or(
		cmp.Compare(a.waits(), b.waits()),
		cmp.Compare(w.foreign(a), w.foreign(b)),
		byRule,
		compare(a.infra.Ref, b.infra.Ref))
}

// waits ranks a place: 0 ready, 1 on its way.
func (c candidate) waits() int {
	if c.infra.Holds(ConditionReady) && c.dataplane.Holds(ConditionReady) {
		return 0
	}
	return 1
}

// offers tells whether something may be put there: it works, or is on its way to.
func (b Base) offers() bool {
	onItsWay := b.Failure == nil && b.phase != Deleting && b.phase != Gone
	return b.Holds(ConditionReady) || onItsWay
}

// foreign ranks a place: 0 where the customer has one already, 1 elsewhere.
func (w want) foreign(c candidate) int {
	if c.dataplane.Ref.Owner == w.customer || slices.Contains(c.dataplane.Data.Customers, w.customer) {
		return 0
	}
	return 1
}

func (w want) why(best candidate, fits int) string {
	return fmt.Sprintf("wants %s; %d fit; by rule %s: %s, with %d tenants before this one", w, fits, w.rule, best.infra.Ref, best.tenants)
}

// maxNamespace is the most characters the name of a namespace may have.
const maxNamespace = 63

// Namespace names a tenant's namespace: customer--tenant. Labels have no "--", so
// no two collide; a name too long is cut and ends in a hash of the whole.
func Namespace(customer, tenant string) string {
	name := customer + "--" + tenant
	if len(name) <= maxNamespace {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
	return name[:maxNamespace-9] + "-" + strings.ToLower(hash[:8])
}
