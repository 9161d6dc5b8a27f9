package cloud

import (
	"time"
)

// Counter is told of a single call that went to a cloud: what was called, such as "EnsureCluster" or, of AWS, "EKS.DescribeCluster",
// the class of its error or "ok", and how long it took in real time. It may be called by several at once.
type Counter func(op, class string, took time.Duration)

// Count tells of a call that began at a time. A nil counter is told nothing.
func (c Counter) Count(op string, err error, began time.Time) {
	if c == nil {
		return
	}
	class := string(ClassOf(err))
	if class == "" {
		class = "ok"
	}
	c(op, class, time.Since(began))
}
