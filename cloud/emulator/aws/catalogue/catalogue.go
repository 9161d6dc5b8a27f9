// Package catalogue is what the emulated AWS offers: versions of Kubernetes, add-ons with theirs, and instance types.
//
// What goes away is written into a file while the cloud runs. It is offered no more, and can't be asked for anew; what is
// there with it stays as it is. The package knows no calls and no wire: who serves them asks it. Begin with Catalogue.
// It is not safe for concurrent use: the cloud reads and asks under its own lock. Nothing is stored; after a crash the file
// is read again.
package catalogue

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/script"
)

// File is what people write to have something go away.
const File = "catalogue.json"

// Catalogue is what is offered in all accounts and regions. Its zero value is everything.
type Catalogue struct {
	gone []string
}

// Read reads the file; nil is one that is not there.
func (c *Catalogue) Read(data []byte) error {
	var is struct {
		Gone []string `json:"gone"` // versions of Kubernetes and of add-ons, and instance types
	}
	if data != nil {
		if err := script.Strict(data, &is); err != nil {
			return err
		}
	}
	c.gone = is.Gone
	return nil
}

func (c *Catalogue) without(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(c.gone, name) })
}

// versions are the Kubernetes versions that EKS offers, oldest first; the last but one is what it takes by itself.
var versions = []string{"1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36"}

// What EKS takes by itself, and the newest version that is out of standard support.
const (
	DefaultVersion  = "1.35"
	ExtendedVersion = "1.32"
)

// Versions are those of Kubernetes, oldest first.
func (c *Catalogue) Versions() []string { return c.without(versions) }

// families and sizes are the instance types that there are.
var (
	families = []string{"t3", "t3a", "t4g", "m5", "m5a", "m6a", "m6g", "m6i", "m7a", "m7g", "m7i", "m8g", "c5", "c6a", "c6g", "c6i", "c7a", "c7g",
		"c7i", "r5", "r6a", "r6g", "r6i", "r7a", "r7g", "r7i", "i3", "i4i", "g4dn", "g5"}
	sizes = []string{"nano", "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"}
)

// Types are the instance types.
func (c *Catalogue) Types() (all []string) {
	for _, family := range families {
		for i, size := range sizes {
			if burst := strings.HasPrefix(family, "t"); burst && i < 7 || !burst && i >= 3 {
				all = append(all, family+"."+size)
			}
		}
	}
	return c.without(all)
}

// Addon is an add-on; the first of its versions is what EKS takes by itself.
type Addon struct {
	Name, Namespace string
	versions        []string // nil: it has the cluster's own
	needsNodes      bool
}

// Addons are the add-ons that there are.
var Addons = []Addon{
	{"vpc-cni", "kube-system", []string{"v1.20.4-eksbuild.2", "v1.20.1-eksbuild.3"}, false},
	{"kube-proxy", "kube-system", nil, false},
	{"coredns", "kube-system", []string{"v1.12.4-eksbuild.1", "v1.12.1-eksbuild.2"}, true},
	{"aws-ebs-csi-driver", "kube-system", []string{"v1.52.1-eksbuild.1", "v1.49.0-eksbuild.1"}, true},
	{"eks-pod-identity-agent", "kube-system", []string{"v1.3.10-eksbuild.1"}, false},
	{"metrics-server", "kube-system", []string{"v0.8.0-eksbuild.5"}, true},
	{"aws-efs-csi-driver", "kube-system", []string{"v2.1.13-eksbuild.1"}, true},
	{"snapshot-controller", "kube-system", []string{"v8.3.0-eksbuild.1"}, true},
}

// AddonVersions are the versions of an add-on that fit a cluster's, the usual one first. Kube-proxy has the cluster's own.
func (c *Catalogue) AddonVersions(name, cluster string) []string {
	for _, a := range Addons {
		switch {
		case a.Name == name && a.versions == nil:
			return c.without([]string{"v" + cluster + ".1-eksbuild.2", "v" + cluster + ".0-eksbuild.2"})
		case a.Name == name:
			return c.without(a.versions)
		}
	}
	return nil
}

// NeedsNodes tells whether an add-on is degraded without nodes to run on.
func NeedsNodes(name string) bool {
	return slices.ContainsFunc(Addons, func(a Addon) bool { return a.Name == name && a.needsNodes })
}
