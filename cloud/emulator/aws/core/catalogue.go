package core

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/script"
)

// CatalogueFile is what people write to have something go away that the cloud offers.
const CatalogueFile = "catalogue.json"

// Gone is what the cloud no longer offers: it can't be asked for anew, and what is there with it stays.
type Gone []string

// Read reads the file; nil is one that is not there.
func (g *Gone) Read(data []byte) error {
	var is struct {
		Gone []string `json:"gone"` // versions of Kubernetes and of add-ons, and instance types
	}
	if data != nil {
		if err := script.Strict(data, &is); err != nil {
			return err
		}
	}
	*g = is.Gone
	return nil
}

// Has tells whether something has gone.
func (g Gone) Has(name string) bool { return slices.Contains(g, name) }

// Without is what is left of something.
func (g Gone) Without(all []string) []string { return slices.DeleteFunc(slices.Clone(all), g.Has) }
