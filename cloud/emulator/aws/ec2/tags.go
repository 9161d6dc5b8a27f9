package ec2

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// tagsFor are the tags that a request's specifications give to a kind.
func (q *request) tagsFor(kind string) map[string]string {
	for _, s := range core.Docs(q.Params, "TagSpecification") {
		if core.Text(s, "ResourceType") == kind {
			return core.ReadTags(s, "Tag")
		}
	}
	return nil
}

// bearer is the thing of an id, whatever its kind.
func (q *request) bearer(id string) (*emulator.Resource, error) {
	for _, k := range kinds {
		if strings.HasPrefix(id, k.Prefix) {
			return q.named(k, id)
		}
	}
	return nil, core.Fail("InvalidID", "The ID '%s' is not valid", id)
}

func (q *request) createTags() (doc, error) {
	for _, id := range core.Texts(q.Params, "ResourceId") {
		t, err := q.bearer(id)
		if err != nil {
			return nil, err
		}
		if err := core.MergeTags(q.Edit(t), core.ReadTags(q.Params, "Tag")); err != nil {
			return nil, err
		}
	}
	return doc{"return": true}, nil
}

func (q *request) deleteTags() (doc, error) {
	for _, id := range core.Texts(q.Params, "ResourceId") {
		t, err := q.bearer(id)
		if err != nil {
			return nil, err
		}
		e := q.Edit(t)
		for _, tag := range core.Docs(q.Params, "Tag") {
			if v, given := tag["Value"]; !given || v == e.Tags[core.Text(tag, "Key")] {
				delete(e.Tags, core.Text(tag, "Key"))
			}
		}
	}
	return doc{"return": true}, nil
}

// tagFilters are those of DescribeTags.
var tagFilters = map[string]string{"key": "key", "value": "value", "resource-id": "resourceId", "resource-type": "resourceType"}

func (q *request) describeTags() (doc, error) {
	filters, err := q.filters(&Kind{id: "resourceId", filters: tagFilters})
	if err != nil {
		return nil, err
	}
	var found []any
	for _, k := range kinds {
		for _, t := range q.Here().Shown(k.Name) {
			for _, key := range core.SortedKeys(t.Tags) {
				d := doc{"resourceId": t.Name, "resourceType": k.Name, "key": key, "value": t.Tags[key]}
				if filters.pass(&emulator.Resource{Doc: d, Tags: t.Tags}) {
					found = append(found, d)
				}
			}
		}
	}
	return q.page("tagSet", found)
}
