package kube

import (
	"fmt"

	quantity "k8s.io/apimachinery/pkg/api/resource"
)

// Quantity is a value of a resource as an object has it, such as 500m or 4Gi, in thousandths and rounded up to whole ones;
// nothing if it is none.
func Quantity(v any) (milli, whole int64) {
	switch v.(type) {
	case string, int64, float64:
	default:
		return 0, 0
	}
	q, err := quantity.ParseQuantity(fmt.Sprint(v))
	if err != nil {
		return 0, 0
	}
	return q.MilliValue(), q.Value()
}
