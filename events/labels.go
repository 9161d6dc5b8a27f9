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

// nodeLabelKey is a key of Kubernetes: a name, and before a slash the domain it is of.
var nodeLabelKey = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// reserved are the ends of domains whose labels are set by Kubernetes, by a cloud or by aerie. EKS refuses the first three
// on a node group, GKE and AKS those of Kubernetes and their own, and a kubelet most of Kubernetes'.
var reserved = []string{"kubernetes.io", "k8s.io", "eks.amazonaws.com", "cloud.google.com", "kubernetes.azure.com", "aerie.io"}

// checkNodeLabels checks the keys of the labels of a pool's nodes by what the strictest cloud takes, so that a pool which is made on one
// cloud can be made on each.
func checkNodeLabels(path string, labels map[string]string) (faults []FieldError) {
	for k := range labels {
		domain, _, has := strings.Cut(k, "/")
		switch at := join(path, Truncate(k)); {
		case !nodeLabelKey.MatchString(k):
			faults = append(faults, FieldError{at, "not a label key of Kubernetes: a name of at most 63 letters, digits, '.', '_' and '-', with a domain of your own before it, such as team.example.com/role"})
		case has && slices.ContainsFunc(reserved, func(end string) bool { return strings.HasSuffix(domain, end) }):
			faults = append(faults, FieldError{at, fmt.Sprintf("the domain %s is reserved: clouds refuse such a label, or set it themselves; use a domain of your own, such as team.example.com/role", Truncate(domain))})
		}
	}
	slices.SortFunc(faults, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return faults
}

// IsLabelPair tells whether a business label may have a key and a value.
func IsLabelPair(key, value string) bool {
	return len(key) <= maxLabelKey && labelKey.MatchString(key) && len(value) <= maxLabelValue && labelValue.MatchString(value)
}

// checkLabels checks a set of labels: the syntax Kubernetes has, so that they can be carried there.
func checkLabels(path string, labels map[string]string) (faults []FieldError) {
	if len(labels) > MaxLabels {
		return []FieldError{{path, fmt.Sprintf("%d labels: at most %d", len(labels), MaxLabels)}}
	}
	for k, v := range labels {
		if !IsLabelPair(k, "") {
			faults = append(faults, FieldError{join(path, Truncate(k)), "not a label key: letters, digits, '.', '_', '-' and '/', at most 63"})
		}
		if len(v) > maxLabelValue || !labelValue.MatchString(v) {
			faults = append(faults, FieldError{join(path, Truncate(k)), fmt.Sprintf("%q is not a label value: letters, digits, '.', '_' and '-', at most 63", Truncate(v))})
		}
	}
	slices.SortFunc(faults, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return faults
}
