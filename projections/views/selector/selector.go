// Package selector reads label selectors as Kubernetes writes them.
//
// It knows nothing of entities: projections/views finds what a selector asks for in its index. Our labels may have keys
// that Kubernetes does not allow, and those can be asked for too. Begin with Parse. A Selector is never changed, so it may
// be used from any goroutine. Nothing is kept.
package selector

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/aeriehq/aerie/events"
)

// Selector is requirements that all must hold.
type Selector []Requirement

// Requirement is one condition on the value of a label.
type Requirement struct {
	Key    string
	Op     selection.Operator
	Values []string
	Test   func(labels.Labels) bool // of < and >, which sets of values can't answer; else nil
}

// rule is how a selector is written.
const rule = "want key=value, key!=value, key in (a,b), key notin (a,b), key, !key, key>1 or key<1, with commas between several"

// Parse reads a label selector as Kubernetes has it. Our labels may have keys that Kubernetes does not: of these
// key=value and key go too.
func Parse(text string) (Selector, *events.FieldError) {
	parsed, err := labels.ParseToRequirements(text)
	if err != nil || len(parsed) == 0 {
		key, value, given := strings.Cut(text, "=")
		switch {
		case !events.IsLabelPair(key, value):
			return nil, &events.FieldError{Field: "label", Message: fmt.Sprintf("%q is no label selector: %s", events.Truncate(text), rule)}
		case given:
			return Selector{{Key: key, Op: selection.Equals, Values: []string{value}}}, nil
		}
		return Selector{{Key: key, Op: selection.Exists}}, nil
	}
	var s Selector
	for _, p := range parsed {
		r := Requirement{Key: p.Key(), Op: p.Operator(), Values: p.ValuesUnsorted()}
		if r.Op == selection.GreaterThan || r.Op == selection.LessThan {
			r.Test = p.Matches
		}
		s = append(s, r)
	}
	return s, nil
}
