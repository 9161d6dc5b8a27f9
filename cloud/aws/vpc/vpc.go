// Package vpc makes networks in EC2. It alone imports that part of the SDK, which takes a minute to compile.
//
// A network is a VPC with a public and a private subnet in each zone, an internet gateway, one NAT gateway with its
// address, a route table for the public and one for the private subnets, and a security group. Everything carries our
// tags from the call that makes it, so what is there is always found by looking, never remembered.
//
// EC2 shows what was made only after a while, and for a VPC, an internet gateway and an address it has neither a token nor
// a unique name. So one of these is made only after this process has looked for a while and seen none: if a call's answer
// was lost, or another process was killed just after it, what that made is seen by then. Should there be two after all,
// the one with the smallest id is the one, and nothing is built on the other; it is deleted with the network.
package vpc

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
)

// The tags on everything. The others are on VPCs alone.
const (
	TagOwner = "aerie.io/owner"
	TagName  = "aerie.io/name" // of the network
	TagSpec  = "aerie.io/spec" // the hash of what was wished
	TagPart  = "aerie.io/part" // what it is within the network
	TagZones = "aerie.io/zones"

	tagDone     = "aerie.io/done"     // everything was there
	tagRepairs  = "aerie.io/repairs"  // how often something was missing after that
	tagDeleting = "aerie.io/deleting" // nothing is made in it any more
)

// The parts of a network.
const (
	partVPC           = "vpc"
	partGateway       = "internet-gateway"
	partAddress       = "nat-address"
	partNAT           = "nat"
	partPublicTable   = "public-routes"
	partPrivateTable  = "private-routes"
	partGroup         = "security-group"
	partPublicSubnet  = "public"
	partPrivateSubnet = "private"
)

// Networks are the networks of one account and region.
type Networks struct {
	ec2    *ec2.Client
	scope  cloud.Scope
	memory *Memory
}

// New makes it. It makes no call.
func New(c awssdk.Config, s cloud.Scope, m *Memory) *Networks {
	return &Networks{ec2: ec2.NewFromConfig(c), scope: s, memory: m}
}

// Network is what others stand on.
type Network struct {
	cloud.Observation
	VPC     string
	Private []string // the subnets for machines
	Group   string   // the security group
}

// Memory is since when this process has looked for things and seen none, or has last tried to make one. To forget it
// costs waiting once more.
type Memory struct {
	now   func() time.Time
	delay time.Duration
	mu    sync.Mutex
	since map[thing]time.Time
}

type thing struct {
	scope      cloud.Scope
	name, part string
}

// NewMemory makes an empty one. What was made is seen by everybody after the consistency delay.
func NewMemory(now func() time.Time, delay time.Duration) *Memory {
	return &Memory{now: now, delay: delay, since: map[thing]time.Time{}}
}

// look notes that a thing was not seen by a look that began at a time.
func (m *Memory) look(t thing, began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked(t, began)
}

func (m *Memory) looked(t thing, began time.Time) time.Time {
	if _, known := m.since[t]; !known {
		m.since[t] = began
	}
	return m.since[t]
}

// claim lets one caller make a thing that has not been seen for long enough when its look began, and everybody else wait
// from then on. If nothing was made after all, back gives the claim back.
func (m *Memory) claim(t thing, began time.Time) (wait time.Duration, back func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	since := m.looked(t, began)
	if since.Add(m.delay).After(began) {
		return max(lookSoon, since.Add(m.delay).Sub(m.now())), nil
	}
	m.since[t] = m.now()
	return 0, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.since[t] = since
	}
}

// lasts says that something has been so for longer than EC2 hides anything: that is not its slowness any more.
func (m *Memory) lasts(t thing, began time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.looked(t, began).Add(4 * m.delay).Before(began)
}

// drop forgets one thing.
func (m *Memory) drop(t thing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.since, t)
}

// forget is for a network that is whole, or gone.
func (m *Memory) forget(s cloud.Scope, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t := range m.since {
		if t.scope == s && t.name == name {
			delete(m.since, t)
		}
	}
}

// tags reads EC2's.
func tags(list []types.Tag) map[string]string {
	m := map[string]string{}
	for _, t := range list {
		m[awssdk.ToString(t.Key)] = awssdk.ToString(t.Value)
	}
	return m
}

// tagged writes our tags for a create.
func tagged(kind types.ResourceType, spec cloud.NetworkSpec, part string, more ...string) []types.TagSpecification {
	pairs := append([]string{TagOwner, spec.Owner, TagName, spec.Name, TagSpec, spec.Hash(), TagPart, part, "Name", spec.Name + " " + part}, more...)
	return []types.TagSpecification{{ResourceType: kind, Tags: pairsOf(pairs)}}
}

func pairsOf(pairs []string) (list []types.Tag) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return list
}

// mark writes tags on what is there.
func (n *Networks) mark(ctx context.Context, id string, pairs ...string) error {
	_, err := n.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: pairsOf(pairs)})
	return err
}

// first is the one with the smallest id that has the property.
func first[T any](all []T, id func(T) *string, has func(T) bool) (found T, ok bool) {
	for _, one := range sorted(all, id) {
		if has(one) {
			return one, true
		}
	}
	return found, false
}

func sorted[T any](all []T, id func(T) *string) []T {
	return slices.SortedFunc(slices.Values(all), func(a, b T) int {
		return cmp.Compare(awssdk.ToString(id(a)), awssdk.ToString(id(b)))
	})
}
