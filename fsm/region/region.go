// Package region has where in the world the regions of clouds are, so that a tenant can be put near another place.
//
// It is pure, and a part of package fsm: a table that is shipped, and a distance. It knows no accounts and asks no cloud; a
// region that is not in the table is as far away as anything. Begin with Distance. Nothing is ever changed, so all of it may
// be used from any goroutine at once, and there is nothing to hold after a crash.
package region

import (
	"maps"
	"math"
	"slices"
)

// place is a point on the earth, in degrees.
type place struct{ north, east float64 }

// places are the regions of the simulated cloud, which are names for every cloud, and those of AWS: where its towns are, to about ten
// kilometres. A name is added, never taken out.
var places = map[string]place{
	"eu-central": {50.1, 8.7}, "eu-west": {53.3, -6.3}, "us-east": {38.9, -77.4}, "us-west": {45.8, -119.7}, "ap-south": {19.1, 72.9},

	"af-south-1": {-33.9, 18.4}, "ap-east-1": {22.3, 114.2}, "ap-east-2": {25.0, 121.5}, "ap-northeast-1": {35.7, 139.7},
	"ap-northeast-2": {37.6, 127.0}, "ap-northeast-3": {34.7, 135.5}, "ap-south-1": {19.1, 72.9}, "ap-south-2": {17.4, 78.5},
	"ap-southeast-1": {1.3, 103.8}, "ap-southeast-2": {-33.9, 151.2}, "ap-southeast-3": {-6.2, 106.8}, "ap-southeast-4": {-37.8, 145.0},
	"ap-southeast-5": {3.1, 101.7}, "ap-southeast-6": {-36.8, 174.8}, "ap-southeast-7": {13.8, 100.5}, "ca-central-1": {45.5, -73.6},
	"ca-west-1": {51.0, -114.1}, "cn-north-1": {39.9, 116.4}, "cn-northwest-1": {37.5, 105.2}, "eu-central-1": {50.1, 8.7},
	"eu-central-2": {47.4, 8.5}, "eu-north-1": {59.3, 18.1}, "eu-south-1": {45.5, 9.2}, "eu-south-2": {41.6, -0.9},
	"eu-west-1": {53.3, -6.3}, "eu-west-2": {51.5, -0.1}, "eu-west-3": {48.9, 2.4}, "il-central-1": {32.1, 34.8},
	"me-central-1": {25.2, 55.3}, "me-south-1": {26.1, 50.5}, "mx-central-1": {20.6, -100.4}, "sa-east-1": {-23.5, -46.6},
	"us-east-1": {38.9, -77.4}, "us-east-2": {40.0, -83.0}, "us-gov-east-1": {40.0, -83.0}, "us-gov-west-1": {45.8, -119.7},
	"us-west-1": {37.4, -121.9}, "us-west-2": {45.8, -119.7},
}

// earthRadius is the mean radius of the earth, in kilometres.
const earthRadius = 6371

// Distance is how many kilometres lie between two regions, along the ground; false if it is not known where one of them is.
func Distance(a, b string) (km int64, known bool) {
	from, ok := places[a]
	to, there := places[b]
	if !ok || !there {
		return 0, false
	}
	rad := func(degrees float64) float64 { return degrees * math.Pi / 180 }
	half := func(angle float64) float64 { return math.Pow(math.Sin(rad(angle)/2), 2) }
	h := half(to.north-from.north) + math.Cos(rad(from.north))*math.Cos(rad(to.north))*half(to.east-from.east)
	return int64(math.Round(2 * earthRadius * math.Asin(math.Sqrt(h)))), true
}

// Names are all regions of the table, in order.
func Names() []string { return slices.Sorted(maps.Keys(places)) }
