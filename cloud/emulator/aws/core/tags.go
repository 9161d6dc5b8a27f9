package core

import (
	"github.com/aeriehq/aerie/cloud/emulator"
)

// ReadTags reads a list of Key and Value.
func ReadTags(d Doc, field string) map[string]string {
	var tags map[string]string
	for _, t := range Docs(d, field) {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[Text(t, "Key")] = Text(t, "Value")
	}
	return tags
}

// SpecifiedTags are the tags in a request, for whatever and in whichever protocol.
func SpecifiedTags(in Doc) map[string]string {
	for _, s := range Docs(in, "TagSpecification") {
		return ReadTags(s, "Tag")
	}
	if tags := ReadTags(in, "Tags"); tags != nil {
		return tags
	}
	return PlainTags(Sub(in, "tags"))
}

// PlainTags are tags as EKS has them.
func PlainTags(d Doc) map[string]string {
	tags := map[string]string{}
	for k := range d {
		tags[k] = Text(d, k)
	}
	return tags
}

// TagSet is tags as EC2 has them.
func TagSet(tags map[string]string) []any { return TagList(tags, "key", "value") }

// TagList is tags as a list of two fields.
func TagList(tags map[string]string, key, value string) []any {
	list := []any{}
	for _, k := range SortedKeys(tags) {
		list = append(list, Doc{key: k, value: tags[k]})
	}
	return list
}

// maxTags is how many a thing may have.
const maxTags = 50

// MergeTags gives tags to a thing, in place of those with the same keys. A thing can be full.
func MergeTags(t *emulator.Resource, tags map[string]string) error {
	if t.Tags == nil {
		t.Tags = map[string]string{}
	}
	for k, v := range tags {
		t.Tags[k] = v
	}
	if len(t.Tags) > maxTags {
		return Fail("TagLimitExceeded", "More than %d tags specified for %s", maxTags, t.Name)
	}
	return nil
}
