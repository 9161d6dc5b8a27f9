package offers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// regions are AWS's. No other can be worked in, so nothing of ours is there: a name is added, never taken out.
var regions = []string{
	"af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
	"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1",
	"eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1",
	"sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2",
}

// Regions are the names of all regions of AWS that can be worked in.
func Regions() []string { return slices.Clone(regions) }

// places are the regions of offers that are the same in every cloud.
var places = map[string]string{
	"eu-central": "eu-central-1", "eu-west": "eu-west-1", "us-east": "us-east-1", "us-west": "us-west-2", "ap-south": "ap-south-1",
}

// sizes are the machines of offers that are the same in every cloud: s for small jobs, m for general use, r for memory.
var sizes = map[string]string{
	"s2": "t3.medium", "s4": "c6i.xlarge",
	"m4": "m6i.xlarge", "m8": "m6i.2xlarge", "m16": "m6i.4xlarge",
	"r4": "r6i.xlarge", "r8": "r6i.2xlarge", "r16": "r6i.4xlarge",
}

// Region is AWS's name of a region.
func Region(name string) (string, error) {
	region := cmp.Or(places[name], name)
	if !slices.Contains(regions, region) {
		return "", fmt.Errorf("there is no region %q; there are %s", name, strings.Join(regions, ", "))
	}
	return region, nil
}

// InstanceTypes are AWS's names of machines.
func InstanceTypes(machines []string) (types []string) {
	for _, m := range machines {
		types = append(types, cmp.Or(sizes[m], m))
	}
	return types
}
