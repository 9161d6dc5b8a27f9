package events

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The placeholders that may stand in the values of an addon's chart, for what is known only when its cluster is there.
const (
	InCluster    = "cluster"    // the cloud's name of the cluster
	InRegion     = "region"     // the cloud's name of its region
	InAutoscaler = "autoscaler" // the cloud's name of the role that the cluster's autoscaler runs as
)

var placeholder = regexp.MustCompile(`\$\{aerie:([^}]*)\}`)

// Placeholders are the names that stand in values as ${aerie:name}, each once and in order.
func Placeholders(values any) (names []string) {
	eachText(values, func(s string) string {
		for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
			names = append(names, m[1])
		}
		return s
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// Fill is a copy of values with something in the place of each placeholder.
func Fill(values map[string]any, with map[string]string) map[string]any {
	filled, _ := eachText(values, func(s string) string {
		return placeholder.ReplaceAllStringFunc(s, func(m string) string {
			return with[strings.TrimSuffix(strings.TrimPrefix(m, "${aerie:"), "}")]
		})
	}).(map[string]any)
	return filled
}

// eachText is a copy of values with what do makes of each text in it.
func eachText(v any, do func(string) string) any {
	switch v := v.(type) {
	case string:
		return do(v)
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = eachText(e, do)
		}
		return c
	case map[string]any:
		if v == nil {
			return v
		}
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[k] = eachText(e, do)
		}
		return c
	}
	return v
}

func checkPlaceholders(values map[string]any) (faults []FieldError) {
	known := []string{InAutoscaler, InCluster, InRegion}
	for _, name := range Placeholders(values) {
		if !slices.Contains(known, name) {
			faults = append(faults, FieldError{"spec.values", fmt.Sprintf("there is no ${aerie:%s}; there are %s%s", Truncate(name), strings.Join(known, ", "), Suggest(name, known))})
		}
	}
	return faults
}
