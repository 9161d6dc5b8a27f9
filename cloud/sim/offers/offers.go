// Package offers is what the simulated cloud has by itself: regions with their zones, machine
// types, and versions of Kubernetes and of add-ons. It finds what a caller names, and its
// errors say what there is.
//
// It knows nothing of what was made there, or of another catalogue that somebody has set: that
// is sim's. Begin with Regions and Machines. All of it is fixed: it may be used by any number
// of goroutines, and there is nothing that a crash could lose.
package offers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud"
)

// Region is a place of the simulated cloud.
type Region struct {
	Name  string
	Zones []string
}

// Machine is a machine type of the simulated cloud, with its price in US dollars an hour.
type Machine struct {
	Name      string
	CPU       int
	MemoryGiB int
	Price     float64
	SpotPrice float64
}

// Regions are the regions of the simulated cloud.
func Regions() []Region {
	var regions []Region
	for _, name := range []string{"eu-central", "eu-west", "us-east", "us-west", "ap-south"} {
		regions = append(regions, Region{Name: name, Zones: []string{name + "-a", name + "-b", name + "-c"}})
	}
	return regions
}

// Machines are the machine types of the simulated cloud: s for small jobs, m for general use, r for memory.
func Machines() []Machine {
	return []Machine{
		{"s2", 2, 4, 0.042, 0.013}, {"s4", 4, 8, 0.084, 0.026},
		{"m4", 4, 16, 0.16, 0.051}, {"m8", 8, 32, 0.32, 0.10}, {"m16", 16, 64, 0.64, 0.20},
		{"r4", 4, 32, 0.21, 0.068}, {"r8", 8, 64, 0.43, 0.14}, {"r16", 16, 128, 0.86, 0.27},
	}
}

// AddonVersions are the versions that every add-on of the simulated cloud has, oldest first.
func AddonVersions() []string { return []string{"1.0", "1.1"} }

// Versions are the Kubernetes versions of the simulated cloud, oldest first.
func Versions() []string { return []string{"1.31", "1.32", "1.33", "1.34", "1.35", "1.36"} }

// OldestMinor is the oldest version that a pool can have.
const OldestMinor = 31

// DefaultVersion is what a cluster gets that asks for none.
const DefaultVersion = "1.35"

var regions = Regions()

// FindRegion is the region of a name.
func FindRegion(name string) (Region, error) {
	i := slices.IndexFunc(regions, func(r Region) bool { return r.Name == name })
	if i >= 0 {
		return regions[i], nil
	}
	var known []string
	for _, r := range regions {
		known = append(known, r.Name)
	}
	return Region{}, fmt.Errorf("there is no region %q; there are %s", name, strings.Join(known, ", "))
}

// FindZones are the wished zones, all of the given ones if none is wished.
func FindZones(wished, there []string) ([]string, error) {
	if len(wished) == 0 {
		return there, nil
	}
	for _, z := range wished {
		if !slices.Contains(there, z) {
			return nil, fmt.Errorf("there is no zone %q; there are %s", z, strings.Join(there, ", "))
		}
	}
	return slices.Sorted(slices.Values(wished)), nil
}

// ExistingZones are the zones of subnets that somebody made: each zone has one, subnet-<zone>, and each region one
// security group, default.
func ExistingZones(e cloud.ExistingNetwork, there []string) (zones []string, err error) {
	for _, s := range e.Subnets {
		zone := strings.TrimPrefix(s, "subnet-")
		if "subnet-"+zone != s || !slices.Contains(there, zone) {
			return nil, fmt.Errorf("there is no subnet %q; there are subnet-%s", s, strings.Join(there, ", subnet-"))
		}
		zones = append(zones, zone)
	}
	for _, g := range e.SecurityGroups {
		if g != "default" {
			return nil, fmt.Errorf("there is no security group %q; there is default", g)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(zones))), nil
}

// Minor is the second number of a version.
func Minor(version string) (int, error) {
	rest, ok := strings.CutPrefix(version, "1.")
	n, err := strconv.Atoi(rest)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is no version such as %s", version, DefaultVersion)
	}
	return n, nil
}
