package events

import (
	"slices"
	"strings"
	"time"
)

// Catalogue is what a cloud has in a region of an account. What it does not say is not known.
type Catalogue struct {
	Versions []ClusterVersion `json:"versions,omitempty"` // of Kubernetes, oldest first
	Addons   []AddonVersions  `json:"addons,omitempty"`   // by name
	Machines []string         `json:"machines,omitempty"` // machine types, packed by PackMachines
}

// Digest is the same for catalogues that say the same, in whatever order.
func (c Catalogue) Digest() string {
	same := Catalogue{Machines: slices.Sorted(slices.Values(c.Machines))}
	for _, v := range c.Versions {
		same.Versions = append(same.Versions, ClusterVersion{v.Version, v.Until.UTC()})
	}
	for _, a := range c.Addons {
		if len(a.Versions) > 0 {
			same.Addons = append(same.Addons, a)
		}
	}
	slices.SortFunc(same.Addons, func(a, b AddonVersions) int { return strings.Compare(a.Name, b.Name) })
	return digest(same)
}

// ClusterVersion is a Kubernetes version that a cluster can be made with or brought to.
type ClusterVersion struct {
	Version string    `json:"version"`
	Until   time.Time `json:"until,omitzero"` // when the cloud supports it no longer; zero: it does not say
}

// AddonVersions are the versions of one of the cloud's add-ons.
type AddonVersions struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions"`
}

type (
	// CatalogueChanged says what of a region's catalogue is another than before. What is empty is as it was.
	CatalogueChanged struct {
		Region   string           `json:"region"`
		Versions []ClusterVersion `json:"versions,omitempty"` // all that there are now
		Addons   []AddonVersions  `json:"addons,omitempty"`   // of the add-ons that have others, all that there are now; none: the add-on is gone
		Machines []string         `json:"machines,omitempty"` // the families that are new or have other sizes, whole
		Gone     []string         `json:"gone,omitempty"`     // the families that are gone
		Silent   bool             `json:"silent,omitempty"`   // the cloud does not say any more which versions there are
		Calls    []Call           `json:"calls,omitempty"`
	}
	// NoteCatalogue says what a look at a region's catalogue has seen.
	NoteCatalogue struct {
		Region    string
		Catalogue Catalogue
		Calls     []Call
	}
)

// Type names the event on the wire.
func (CatalogueChanged) Type() string { return "catalogue_changed" }

// IsPayload marks a payload.
func (NoteCatalogue) IsPayload() {}

// PackMachines packs names of machine types: those of one family, whose names are the same up to the first point,
// are one entry, such as m6i.large,xlarge. A region's 800 are 6 KB so, in some 130 entries.
func PackMachines(names []string) (packed []string) {
	family := ""
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		of, size, sized := strings.Cut(name, ".")
		if sized && of == family && len(packed) > 0 && strings.Contains(packed[len(packed)-1], ".") {
			packed[len(packed)-1] += "," + size
			continue
		}
		packed, family = append(packed, name), of
	}
	return packed
}

// MachineFamily is the family of a machine type, or of an entry of PackMachines.
func MachineFamily(name string) string {
	if family, _, sized := strings.Cut(name, "."); sized {
		return family + "."
	}
	return name
}

// MachinesOf lists the machine types in packed entries.
func MachinesOf(packed []string) (names []string) {
	for _, entry := range packed {
		family, sizes, sized := strings.Cut(entry, ".")
		if !sized {
			names = append(names, entry)
			continue
		}
		for _, size := range strings.Split(sizes, ",") {
			names = append(names, family+"."+size)
		}
	}
	return names
}
