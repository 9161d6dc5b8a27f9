package aws

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// readTags reads a list of Key and Value.
func readTags(d doc, field string) map[string]string {
	var tags map[string]string
	for _, t := range docs(d, field) {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[text(t, "Key")] = text(t, "Value")
	}
	return tags
}

// tagsFor are the tags that a request's specifications give to a kind.
func (q *request) tagsFor(kind string) map[string]string {
	for _, s := range docs(q.in, "TagSpecification") {
		if text(s, "ResourceType") == kind {
			return readTags(s, "Tag")
		}
	}
	return nil
}

// specifiedTags are the tags in a request, for whatever and in whichever protocol.
func specifiedTags(in doc) map[string]string {
	for _, s := range docs(in, "TagSpecification") {
		return readTags(s, "Tag")
	}
	if tags := readTags(in, "Tags"); tags != nil {
		return tags
	}
	return plainTags(sub(in, "tags"))
}

// plainTags are tags as EKS has them.
func plainTags(d doc) map[string]string {
	tags := map[string]string{}
	for k := range d {
		tags[k] = text(d, k)
	}
	return tags
}

func tagSet(tags map[string]string) []any { return tagList(tags, "key", "value") }

// tagList is tags as a list of two fields.
func tagList(tags map[string]string, key, value string) []any {
	list := []any{}
	for _, k := range sortedKeys(tags) {
		list = append(list, doc{key: k, value: tags[k]})
	}
	return list
}

// maxTags is how many a thing may have.
const maxTags = 50

func merge(t *emulator.Thing, tags map[string]string) error {
	if t.Tags == nil {
		t.Tags = map[string]string{}
	}
	for k, v := range tags {
		t.Tags[k] = v
	}
	if len(t.Tags) > maxTags {
		return fail("TagLimitExceeded", "More than %d tags specified for %s", maxTags, t.Name)
	}
	return nil
}

// bearer is the thing of an id, whatever its kind.
func (q *request) bearer(id string) (*emulator.Thing, error) {
	for _, k := range ec2Kinds {
		if strings.HasPrefix(id, k.prefix) {
			return q.named(k, id)
		}
	}
	return nil, fail("InvalidID", "The ID '%s' is not valid", id)
}

func (q *request) createTags() (doc, error) {
	for _, id := range texts(q.in, "ResourceId") {
		t, err := q.bearer(id)
		if err != nil {
			return nil, err
		}
		if err := merge(q.Edit(t), readTags(q.in, "Tag")); err != nil {
			return nil, err
		}
	}
	return doc{"return": true}, nil
}

func (q *request) deleteTags() (doc, error) {
	for _, id := range texts(q.in, "ResourceId") {
		t, err := q.bearer(id)
		if err != nil {
			return nil, err
		}
		e := q.Edit(t)
		for _, tag := range docs(q.in, "Tag") {
			if v, given := tag["Value"]; !given || v == e.Tags[text(tag, "Key")] {
				delete(e.Tags, text(tag, "Key"))
			}
		}
	}
	return doc{"return": true}, nil
}

// tagFilters are those of DescribeTags.
var tagFilters = map[string]string{"key": "key", "value": "value", "resource-id": "resourceId", "resource-type": "resourceType"}

func (q *request) describeTags() (doc, error) {
	filters, err := q.filters(&ec2Kind{id: "resourceId", filters: tagFilters})
	if err != nil {
		return nil, err
	}
	var found []any
	for _, k := range ec2Kinds {
		for _, t := range q.Here().Shown(k.kind) {
			for _, key := range sortedKeys(t.Tags) {
				d := doc{"resourceId": t.Name, "resourceType": k.kind, "key": key, "value": t.Tags[key]}
				if filters.pass(&emulator.Thing{Doc: d, Tags: t.Tags}) {
					found = append(found, d)
				}
			}
		}
	}
	return q.page("tagSet", found)
}
