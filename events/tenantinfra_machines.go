package events

import "fmt"

// IsolationNodes is the isolation of cells each of which has machines of its own.
const IsolationNodes = "nodes"

// MostNodePools is how many node pools one cluster gets at most where tenants and cells have machines of their own: what the
// cloud with the least, AWS, has in a cluster by default.
const MostNodePools = 30

// CellsHaveNodes tells whether each cell of the tenant infra has machines of its own, and the tenant infra none.
func (s TenantInfraSpec) CellsHaveNodes() bool {
	return s.Cells != nil && s.Cells.Isolation == IsolationNodes
}

// NodePools is how many pools a cloud is asked for.
func (s TenantInfraSpec) NodePools() int {
	n := len(s.Pools)
	for _, p := range s.Pools {
		if p.Priority == SpotWithFallback {
			n++
		}
	}
	return n
}

// OnlyFor is the tenant infra of the same machines that a tenant or a cell has alone, of which the path is given.
func (s TenantInfraSpec) OnlyFor(path string) TenantInfraSpec {
	s.Cells, s.For = nil, path
	return s
}

// checkMachines refuses more pools than a cluster may have, and cells where one tenant is alone.
func (s TenantInfraSpec) checkMachines() (faults []FieldError) {
	if n := s.NodePools(); s.CellsHaveNodes() && s.Cells.Max*n > MostNodePools {
		faults = append(faults, FieldError{"spec.cells.max", fmt.Sprintf("%d cells of %d node pools each are more than the %d that a cluster may have: at most %d",
			s.Cells.Max, n, MostNodePools, MostNodePools/n)})
	}
	if s.For != "" && s.Cells != nil {
		faults = append(faults, FieldError{"spec.cells", "are for many: the machines of " + s.For + " have none"})
	}
	return faults
}

// Nodes is the tenant infra on whose machines the tenant's pods run.
func (p Placement) Nodes() string {
	if p.Machines != "" {
		return p.Machines
	}
	return p.TenantInfra
}
