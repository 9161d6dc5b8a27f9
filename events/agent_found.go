package events

import (
	"cmp"
	"slices"
	"strings"
)

// Sort sorts what was found and what was not looked into, by account, region and cluster.
func (o *Orphans) Sort() {
	slices.SortFunc(o.Items, func(a, b Orphan) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region),
			strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Mark, b.Mark))
	})
	slices.SortFunc(o.Unread, func(a, b Unread) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region), strings.Compare(a.Cluster, b.Cluster))
	})
}
