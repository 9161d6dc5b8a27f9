package vpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// How soon to look again: at what EC2 does not show yet, and at a NAT gateway, which takes a minute or two.
const (
	lookSoon  = 3 * time.Second
	lookAtNAT = 15 * time.Second
)

// build is one call to Ensure under way: it makes as much of what is missing as can be made now.
type build struct {
	n     *Networks
	spec  cloud.NetworkSpec
	zones []string
	began time.Time // of the look
	found *parts
	have  *one
	fresh bool // the VPC was made in this call: nothing can be made in it yet
}

// step is one part of a network: whether it is there, whether what it stands on is, and how to make it. What a step has
// made is in have after it.
type step struct {
	what  string
	there func(*build) bool
	can   func(*build) bool
	make  func(*build, context.Context) error
}

// steps are all of them, in an order in which they can be made. A process may be killed between any two calls: the next
// look finds what is there.
var steps = []step{
	{partVPC, func(b *build) bool { return b.have != nil }, always, (*build).makeVPC},
	{partGateway, func(b *build) bool { return b.have.gateway != nil }, always, (*build).makeGateway},
	{partAddress, func(b *build) bool { return b.have.address != nil }, always, (*build).makeAddress},
	{"attachment", func(b *build) bool { return b.have.attached }, (*build).inside, (*build).attach},
	{"subnets", (*build).hasSubnets, (*build).inside, (*build).makeSubnets},
	{partGroup, func(b *build) bool { return b.have.group != nil }, (*build).inside, (*build).makeGroup},
	{partPublicTable, func(b *build) bool { return b.have.public != nil }, (*build).inside, (*build).makePublicTable},
	{partPrivateTable, func(b *build) bool { return b.have.private != nil }, (*build).inside, (*build).makePrivateTable},
	{partNAT, func(b *build) bool { return b.have.nat != nil }, (*build).outside, (*build).makeNAT},
	{"public routes", (*build).hasPublicRoutes, (*build).outside, (*build).makePublicRoutes},
	{"private routes", (*build).hasPrivateRoutes, (*build).hasNAT, (*build).makePrivateRoutes},
}

func always(*build) bool { return true }

// inside says that things can be made in the VPC.
func (b *build) inside() bool { return !b.fresh && b.have.gateway != nil }

// outside says that there is a way out of the VPC.
func (b *build) outside() bool {
	return b.inside() && b.have.attached && b.have.address != nil && b.have.public != nil && b.have.private != nil && b.hasSubnets()
}

func (b *build) hasNAT() bool {
	return b.have.nat != nil && b.have.nat.State == types.NatGatewayStateAvailable
}

// later says that something can't be made or seen yet.
type later struct{ after time.Duration }

func (l later) Error() string { return fmt.Sprintf("not yet, look again in %s", l.after) }

// Ensure makes what is missing of a network, as far as that goes now. Beside a VPC of it that has lost its mark it makes none.
func (n *Networks) Ensure(ctx context.Context, spec cloud.NetworkSpec, madeIn MadeIn) (cloud.Observation, error) {
	if err := spec.Validate(); err != nil {
		return cloud.Observation{}, err
	}
	began := n.memory.now()
	found, err := n.look(ctx, filter("tag:"+TagName, spec.Name))
	if err != nil {
		return cloud.Observation{}, err
	}
	if other := found.another(spec.Owner); other != "" {
		return cloud.Observation{}, refuse(cloud.Taken, "OwnedByAnother", "network %s belongs to %s", spec.Name, other)
	}
	b := &build{n: n, spec: spec, began: began, found: found, have: found.one()}
	if b.have == nil {
		if err := n.refuseUnmarked(ctx, spec, found, madeIn); err != nil {
			return cloud.Observation{}, err
		}
	}
	if b.have != nil && b.have.tags[tagDeleting] != "" {
		return cloud.Observation{}, refuse(cloud.Conflict, "Deleting", "network %s is being deleted", spec.Name)
	}
	if b.zones, err = n.zones(ctx, spec, b.have); err != nil {
		return cloud.Observation{}, err
	}
	if b.have != nil && len(b.have.failed) > 0 && b.have.nat == nil {
		return b.observe(cloud.Failed, 0), nil
	}
	if err := b.mend(ctx); err != nil {
		return cloud.Observation{}, err
	}
	after, err := b.run(ctx)
	if err != nil {
		return cloud.Observation{}, err
	}
	if after > 0 {
		return b.observe(cloud.Creating, after), nil
	}
	if err := b.finish(ctx); err != nil {
		return cloud.Observation{}, err
	}
	return b.observe(cloud.Ready, 0), nil
}

// run takes all steps that can be taken now, and says how soon to look again; 0 if all is there. What EC2 does not show
// yet, or shows to others but not to us, is looked at again soon.
func (b *build) run(ctx context.Context) (after time.Duration, err error) {
	sooner := func(d time.Duration) {
		if after == 0 || d < after {
			after = d
		}
	}
	for _, s := range steps {
		if b.have != nil && s.there(b) {
			continue
		}
		if b.have == nil && s.what != partVPC || !s.can(b) {
			sooner(b.patience())
			continue
		}
		var wait later
		err := s.make(b, ctx)
		class := cloud.ClassOf(awserr.Of("", err))
		switch {
		case errors.As(err, &wait):
			sooner(wait.after)
		case err == nil:
			b.n.memory.drop(b.refused(s))
		case (class == cloud.NotFound || class == cloud.Conflict) && !b.n.memory.lasts(b.refused(s), b.began):
			sooner(lookSoon)
		default:
			return 0, fmt.Errorf("make %s: %w", s.what, err)
		}
	}
	return after, nil
}

// refused is what the memory calls the refusal of a step.
func (b *build) refused(s step) thing {
	return thing{b.n.scope, b.spec.Name, "refused " + s.what}
}

// patience is how soon to look again when something stands in the way: a NAT gateway takes its time.
func (b *build) patience() time.Duration {
	if b.have == nil || b.have.nat != nil && b.have.nat.State == types.NatGatewayStatePending {
		return lookAtNAT
	}
	return lookSoon
}

// mend notes that something is missing of what was whole, before it is made anew.
func (b *build) mend(ctx context.Context) error {
	if b.have == nil || b.have.tags[tagDone] == "" || b.missing() == "" {
		return nil
	}
	repairs, _ := strconv.Atoi(b.have.tags[tagRepairs])
	b.have.tags[tagDone], b.have.tags[tagRepairs] = "", strconv.Itoa(repairs+1)
	return b.n.mark(ctx, *b.have.vpc.VpcId, tagDone, "", tagRepairs, b.have.tags[tagRepairs])
}

// finish notes that the network is whole, and for which wish, and removes what there is too much of.
func (b *build) finish(ctx context.Context) error {
	b.n.memory.forget(b.n.scope, b.spec.Name)
	if len(b.have.twice) > 0 {
		if err := b.n.tidy(ctx, b.found, b.have); err != nil {
			return err
		}
	}
	if b.have.tags[tagDone] != "" && b.have.tags[TagSpec] == b.spec.Hash() {
		return nil
	}
	b.have.tags[tagDone], b.have.tags[TagSpec] = "true", b.spec.Hash()
	return b.n.mark(ctx, *b.have.vpc.VpcId, tagDone, "true", TagSpec, b.spec.Hash())
}

// zones are those that the network has or will have. A network keeps its range and its zones.
func (n *Networks) zones(ctx context.Context, spec cloud.NetworkSpec, have *one) ([]string, error) {
	if have != nil {
		zones := strings.Fields(have.tags[TagZones])
		wished := slices.Sorted(slices.Values(spec.Zones))
		if is := awssdk.ToString(have.vpc.CidrBlock); is != spec.Range || len(wished) > 0 && !slices.Equal(wished, zones) {
			return nil, refuse(cloud.Invalid, "Immutable", "network %s cannot change its range %s or its zones %v", spec.Name, is, zones)
		}
		return zones, nil
	}
	there, err := n.regionZones(ctx)
	if err != nil {
		return nil, err
	}
	zones := slices.Sorted(slices.Values(spec.Zones))
	for _, z := range zones {
		if !slices.Contains(there, z) {
			return nil, refuse(cloud.Invalid, "UnknownZone", "there is no zone %q; there are %s", z, strings.Join(there, ", "))
		}
	}
	if len(zones) == 0 {
		zones = there[:min(usualZones, len(there))]
	}
	if len(zones) < leastZones {
		return nil, refuse(cloud.Invalid, "TooFewZones", "a cluster needs at least %d zones, not %v", leastZones, zones)
	}
	if _, err := plan(spec.Range, zones); err != nil {
		return nil, refuse(cloud.Invalid, "InvalidRange", "%v", err)
	}
	return zones, nil
}

// regionZones are the zones of the region that the account may use.
func (n *Networks) regionZones(ctx context.Context) (zones []string, err error) {
	all, err := n.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return nil, err
	}
	for _, z := range all.AvailabilityZones {
		usual := awssdk.ToString(z.ZoneType) == "" || awssdk.ToString(z.ZoneType) == "availability-zone"
		if usual && z.State == types.AvailabilityZoneStateAvailable {
			zones = append(zones, awssdk.ToString(z.ZoneName))
		}
	}
	slices.Sort(zones)
	return zones, nil
}

// another is an owner beside the one that was meant.
func (p *parts) another(owner string) string {
	for _, v := range p.vpcs {
		if is := tags(v.Tags)[TagOwner]; is != owner {
			return is
		}
	}
	return ""
}

func refuse(class cloud.Class, code, message string, args ...any) error {
	return &cloud.Error{Class: class, Code: code, Message: fmt.Sprintf(message, args...)}
}
