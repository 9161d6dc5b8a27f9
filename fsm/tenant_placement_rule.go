package fsm

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm/region"
)

// rank orders zones by the plan's rule; nil: by nothing of theirs. What nobody knows comes last. Of equal zones, and by every rule but
// pack, the place with the fewest tenants goes first.
func (w want) rank() func(OfferZone) int64 {
	switch {
	case w.rule == ev.PlaceCheapest:
		return func(z OfferZone) int64 {
			if z.Price == 0 {
				return math.MaxInt64
			}
			return z.Price
		}
	case w.rule == ev.PlaceNearest && w.near != "":
		return func(z OfferZone) int64 {
			km, known := region.Distance(w.near, z.Region)
			if !known {
				return math.MaxInt64
			}
			return km
		}
	}
	return nil
}

// because says what of a zone the rule went by, as the end of a sentence.
func (w want) because(z OfferZone) string {
	switch w.rule {
	case ev.PlaceCheapest:
		if z.Price == 0 {
			return ", whose price is not known"
		}
		return ", whose machines cost " + decimal(z.Price) + " an hour"
	case ev.PlaceNearest:
		if w.near == "" {
			return ", and the tenant has no near"
		}
		km, known := region.Distance(w.near, z.Region)
		if !known {
			return fmt.Sprintf(", and nobody knows how far %s is from %s", z.Region, w.near)
		}
		return fmt.Sprintf(", %d km from %s", km, w.near)
	}
	return ""
}

// decimal writes millionths as a decimal number.
func decimal(millionths int64) string {
	part := strings.TrimRight(fmt.Sprintf("%06d", millionths%1e6), "0")
	if part == "" {
		part = "0"
	}
	return strconv.FormatInt(millionths/1e6, 10) + "." + part
}

// fitsNear refuses a region to be near to that nobody knows.
func fitsNear(near string) []ev.FieldError {
	if _, known := region.Distance(near, near); near == "" || known {
		return nil
	}
	return []ev.FieldError{{Field: "spec.near", Message: fmt.Sprintf("%q is no region that aerie knows%s", ev.Truncate(near), nearby(near, region.Names()))}}
}
