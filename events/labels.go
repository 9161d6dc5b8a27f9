package events

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Bounds of business labels.
const (
	MaxLabels     = 32
	maxLabelKey   = 63
	maxLabelValue = 63
)

var (
	labelKey   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$`)
)

// checkLabels checks a set of labels: the syntax Kubernetes has, so that they can be carried there.
func checkLabels(path string, labels map[string]string) (faults []Fault) {
	if len(labels) > MaxLabels {
		return []Fault{{path, fmt.Sprintf("%d labels: at most %d", len(labels), MaxLabels)}}
	}
	for k, v := range labels {
		if len(k) > maxLabelKey || !labelKey.MatchString(k) {
			faults = append(faults, Fault{join(path, Clip(k)), "not a label key: letters, digits, '.', '_', '-' and '/', at most 63"})
		}
		if len(v) > maxLabelValue || !labelValue.MatchString(v) {
			faults = append(faults, Fault{join(path, Clip(k)), fmt.Sprintf("%q is not a label value: letters, digits, '.', '_' and '-', at most 63", Clip(v))})
		}
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Field, b.Field) })
	return faults
}
