package placement

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/events"
)

// Rejected counts the tenant infras that did not fit for one reason.
type Rejected struct {
	Reason string `json:"reason" doc:"What is not as the plan asks"`
	Count  int    `json:"count" doc:"How many tenant infras it keeps out"`
}

// NearMiss is a tenant infra that did not fit, and all that is in the way.
type NearMiss struct {
	TenantInfra string   `json:"tenantinfra" doc:"Such as -/eu_pg-small"`
	Reasons     []string `json:"reasons" doc:"What would have to change"`
}

// survey counts how tenant infras fit a tenant. The zero value has seen none.
type survey struct {
	fit      int
	rejected map[string]int
	nearest  []NearMiss
}

// nearMisses bounds how many near misses a survey keeps.
const nearMisses = 5

// add counts one more infra with its misses.
func (s *survey) add(infra events.Ref, misses []string) {
	if len(misses) == 0 {
		s.fit++
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
	s.nearest = s.nearest[:min(len(s.nearest), nearMisses)]
}

// near are the infras with the fewest misses, at most nearMisses, the nearest first.
func (s *survey) near() []NearMiss { return slices.Clone(s.nearest) }

// reasons are the reasons, the most frequent first.
func (s *survey) reasons() []Rejected {
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
