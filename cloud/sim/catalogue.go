package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/script"
	"github.com/aeriehq/aerie/cloud/sim/offers"
)

// Catalogue is what the cloud has to offer in each region, where that is not the usual. What is empty is the usual.
type Catalogue struct {
	Versions []string `json:"versions"` // of Kubernetes, oldest first
	Addons   []string `json:"addons"`   // versions of every add-on, oldest first
	Machines []string `json:"machines"` // machine types
}

// catalogueFile is what people write to have the cloud offer something else. What is there already stays as it is.
const catalogueFile = "catalogue.json"

// SetCatalogue has the cloud offer something else from now on, for this process.
func (s *Sim) SetCatalogue(c Catalogue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offers = c.or()
}

func (s *Sim) readCatalogue(data []byte) error {
	var c Catalogue
	if data != nil {
		if err := script.Strict(data, &c); err != nil {
			return err
		}
	}
	s.offers = c.or()
	return nil
}

// or fills in the usual.
func (c Catalogue) or() Catalogue {
	if len(c.Versions) == 0 {
		c.Versions = offers.Versions()
	}
	if len(c.Addons) == 0 {
		c.Addons = offers.AddonVersions()
	}
	if len(c.Machines) == 0 {
		for _, m := range offers.Machines() {
			c.Machines = append(c.Machines, m.Name)
		}
	}
	return c
}

// Catalogue implements cloud.Provider.
func (s *Sim) Catalogue(ctx context.Context, sc cloud.Scope) (told cloud.Catalogue, err error) {
	err = s.do(ctx, request{op: "Catalogue", scope: sc, quiet: true}, func(*call) (cloud.Phase, error) {
		told.Machines, told.Addons = slices.Clone(s.offers.Machines), map[cloud.Addon][]string{}
		for _, a := range cloud.Addons() {
			told.Addons[a] = slices.Clone(s.offers.Addons)
		}
		for _, v := range s.offers.Versions {
			told.Versions = append(told.Versions, cloud.Version{Name: v})
		}
		return "", nil
	})
	if err != nil {
		return cloud.Catalogue{}, err
	}
	return told, nil
}

// offered refuses what the cloud does not have.
func (c *call) offered(what, name string, there []string) error {
	if slices.Contains(there, name) {
		return nil
	}
	return c.invalid(fmt.Errorf("there is no %s %q; there are %s", what, name, strings.Join(there, ", ")))
}
