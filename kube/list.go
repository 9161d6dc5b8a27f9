package kube

import (
	"cmp"
	"fmt"
	"strings"
)

// Items are the objects of a list, of whatever kind, such as a RoleList; of an object that is no list, itself. What an item
// leaves out of its kind follows from that of the list.
func (o Object) Items() (items []Object, err error) {
	of, isList := strings.CutSuffix(o.Kind(), "List")
	entries, given := o["items"].([]any)
	if !isList || !given {
		return []Object{o}, nil
	}
	for i, entry := range entries {
		item := Object(table(entry))
		if item == nil {
			return nil, fmt.Errorf("items[%d] of %s is no object", i, o.Kind())
		}
		item, _ = item.relabelled()
		if of != "" {
			item["kind"], item["apiVersion"] = cmp.Or(item.Kind(), of), cmp.Or(item.APIVersion(), o.APIVersion())
		}
		inner, err := item.Items()
		if err != nil {
			return nil, err
		}
		items = append(items, inner...)
	}
	return items, nil
}
