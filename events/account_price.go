package events

import (
	"fmt"
	"strconv"
	"strings"
)

// MachinePrice is what one machine of a type costs an hour.
type MachinePrice struct {
	Machine string `json:"machine" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$" doc:"the machine type, as pools name it"`
	Region  string `json:"region,omitempty" pattern:"^[a-z][a-z0-9-]{1,39}$" doc:"the region, as dataplanes name it; empty: every region that has no entry of its own"`
	Hourly  string `json:"hourly" required:"true" pattern:"^[0-9]{1,5}(\\.[0-9]{1,6})?$" doc:"a decimal number, such as 0.192"`
	Spot    string `json:"spot,omitempty" pattern:"^[0-9]{1,5}(\\.[0-9]{1,6})?$" doc:"the same of a machine that the cloud may take back; empty: it is not known"`
}

// checkPrices finds prices that are there twice, or are nothing.
func (s AccountSpec) checkPrices() (faults []FieldError) {
	type of struct{ machine, region string }
	seen := map[of]bool{}
	for i, p := range s.Prices {
		at := fmt.Sprintf("spec.prices[%d]", i)
		if seen[of{p.Machine, p.Region}] {
			faults = append(faults, FieldError{at + ".machine", fmt.Sprintf("%q is there twice for one region: one entry for each", Truncate(p.Machine))})
		}
		seen[of{p.Machine, p.Region}] = true
		if p.Hourly != "" && millionths(p.Hourly) == 0 {
			faults = append(faults, FieldError{at + ".hourly", "must be more than 0: leave the entry out if the price is not known"})
		}
		if p.Spot != "" && millionths(p.Spot) == 0 {
			faults = append(faults, FieldError{at + ".spot", "must be more than 0: leave it out if the price is not known"})
		}
	}
	return faults
}

// HourlyPrice is what one machine of each pool costs an hour in a region of the account, in millionths of its currency; 0: it is
// not known of all of them. Of a pool with a fallback that is the price of spot: the other pool has no machine until one is
// needed.
func (s AccountSpec) HourlyPrice(region string, pools []Pool) (sum int64) {
	for _, pool := range pools {
		price := s.priceOf(region, pool)
		if price == 0 {
			return 0
		}
		sum += price
	}
	return sum
}

// priceOf is what a machine of a pool costs; 0: it is not known.
func (s AccountSpec) priceOf(region string, pool Pool) (price int64) {
	for _, p := range s.Prices {
		if p.Machine != pool.Machine || p.Region != "" && p.Region != region {
			continue
		}
		said := p.Hourly
		if pool.Priority == "spot" || pool.Priority == SpotWithFallback {
			said = p.Spot
		}
		price = millionths(said)
		if p.Region != "" {
			return price
		}
	}
	return price
}

// millionths is a decimal number in millionths; 0 of what is none.
func millionths(decimal string) int64 {
	whole, part, _ := strings.Cut(decimal, ".")
	n, err := strconv.ParseInt(whole+(part + "000000")[:6], 10, 64)
	if err != nil || len(part) > 6 {
		return 0
	}
	return n
}
