package ec2

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// zoneLetters are the zones of regions that have others than a, b and c.
var zoneLetters = map[string]string{"us-east-1": "abcdef", "us-west-2": "abcd", "ap-northeast-1": "acd"}

// UnsupportedZones have no room for EKS' control planes.
var UnsupportedZones = []string{"us-east-1e"}

// ZonesOf are the zones of a region.
func ZonesOf(region string) (zones []string) {
	letters := zoneLetters[region]
	if letters == "" {
		letters = "abc"
	}
	for _, l := range letters {
		zones = append(zones, region+string(l))
	}
	return zones
}

// zoneID is like euw1-az2. AWS shuffles them in each account; here they are in order.
func zoneID(region, zone string) string {
	parts := strings.Split(region, "-")
	short := parts[0]
	for _, p := range parts[1:] {
		short += p[:min(len(p), 1)]
	}
	return short + "-az" + string('1'+zone[len(zone)-1]-'a')
}

// zone is the one that a request asks for; the first if it asks for none.
func (q *request) zone() (string, error) {
	zones := ZonesOf(q.Region)
	asked := core.Text(q.Params, "AvailabilityZone")
	if asked == "" {
		return zones[0], nil
	}
	if !slices.Contains(zones, asked) {
		return "", core.Fail("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.", asked, strings.Join(zones, ", "))
	}
	return asked, nil
}

var zoneKind = Kind{id: "zoneName", filters: map[string]string{
	"state": "zoneState", "zone-id": "zoneId", "region-name": "regionName", "opt-in-status": "optInStatus", "zone-type": "zoneType", "group-name": "groupName",
}}

func (q *request) describeZones() (doc, error) {
	filters, err := q.filters(&zoneKind)
	if err != nil {
		return nil, err
	}
	asked := core.Texts(q.Params, "ZoneName")
	found := []any{}
	for _, z := range ZonesOf(q.Region) {
		d := doc{
			"zoneName": z, "zoneState": "available", "regionName": q.Region, "zoneId": zoneID(q.Region, z),
			"groupName": q.Region, "networkBorderGroup": q.Region, "optInStatus": "opt-in-not-required", "zoneType": "availability-zone", "messageSet": []any{},
		}
		if (len(asked) == 0 || slices.Contains(asked, z)) && filters.pass(&emulator.Resource{Doc: d}) {
			found = append(found, d)
		}
	}
	return doc{"availabilityZoneInfo": found}, nil
}

// families and sizes are the instance types that there are.
var (
	families = []string{"t3", "t3a", "t4g", "m5", "m5a", "m6a", "m6g", "m6i", "m7a", "m7g", "m7i", "m8g", "c5", "c6a", "c6g", "c6i", "c7a", "c7g", "c7i", "r5", "r6a", "r6g", "r6i", "r7a", "r7g", "r7i", "i3", "i4i", "g4dn", "g5"}
	sizes    = []string{"nano", "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"}
)

// IsInstanceType says whether there is an instance type.
func IsInstanceType(name string) bool {
	family, size, _ := strings.Cut(name, ".")
	burst := strings.HasPrefix(family, "t")
	i := slices.Index(sizes, size)
	return slices.Contains(families, family) && i >= 0 && (burst && i < 7 || !burst && i >= 3)
}

var offeringKind = Kind{id: "location", filters: map[string]string{"instance-type": "instanceType"}}

func (q *request) describeOfferings() (doc, error) {
	filters, err := q.filters(&offeringKind)
	if err != nil {
		return nil, err
	}
	places, kind := []string{q.Region}, "region"
	if asked := core.Text(q.Params, "LocationType"); asked == "availability-zone" {
		places, kind = ZonesOf(q.Region), asked
	}
	var found []any
	for _, place := range places {
		for _, family := range families {
			for _, size := range sizes {
				d := doc{"instanceType": family + "." + size, "location": place, "locationType": kind}
				if IsInstanceType(family+"."+size) && !q.Cloud.Gone.Has(family+"."+size) && !slices.Contains(UnsupportedZones, place) && filters.pass(&emulator.Resource{Doc: d}) {
					found = append(found, d)
				}
			}
		}
	}
	return q.page("instanceTypeOfferingSet", found)
}
