package ec2

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// filters must all pass; of each one value must.
type filters []filter

type filter struct {
	name, field string
	values      []string
}

// filters reads a Describe's filters. A name that the kind does not have is refused, as AWS does it.
func (q *request) filters(k *Kind) (all filters, err error) {
	for _, d := range core.Docs(q.Params, "Filter") {
		f := filter{name: core.Text(d, "Name"), values: core.Texts(d, "Value")}
		switch {
		case strings.HasPrefix(f.name, "tag:"), f.name == "tag-key":
		case f.name == dashes(k.id):
			f.field = k.id
		default:
			known := false
			if f.field, known = k.filters[f.name]; !known {
				return nil, core.Fail("InvalidParameterValue", "The filter '%s' is invalid", f.name)
			}
		}
		all = append(all, f)
	}
	return all, nil
}

// dashes writes vpcId as vpc-id.
func dashes(field string) string {
	var b strings.Builder
	for _, r := range field {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (all filters) pass(t *emulator.Resource) bool {
	for _, f := range all {
		if !f.passes(t) {
			return false
		}
	}
	return true
}

func (f filter) passes(t *emulator.Resource) bool {
	if key, ok := strings.CutPrefix(f.name, "tag:"); ok {
		v, there := t.Tags[key]
		return there && f.matches(v)
	}
	if f.name == "tag-key" {
		return slices.ContainsFunc(core.SortedKeys(t.Tags), f.matches)
	}
	return slices.ContainsFunc(values(t.Doc, strings.Split(f.field, ".")), f.matches)
}

// matches knows the wildcards * and ?.
func (f filter) matches(v string) bool {
	return slices.ContainsFunc(f.values, func(pattern string) bool {
		ok, _ := path.Match(strings.NewReplacer("/", "\x00", "[", `\[`).Replace(pattern), strings.ReplaceAll(v, "/", "\x00"))
		return ok || pattern == v
	})
}

// values are all that stand at a path, through lists.
func values(v any, at []string) (all []string) {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			all = append(all, values(e, at)...)
		}
		return all
	case doc:
		if len(at) == 0 {
			return nil
		}
		return values(x[at[0]], at[1:])
	case nil:
		return nil
	}
	if len(at) > 0 {
		return nil
	}
	return []string{fmt.Sprint(v)}
}

// page is the part of what was found that fits into an answer, with a token for the rest.
func (q *request) page(set string, found []any) (doc, error) {
	page, token, err := core.Page(found, q.Params, "MaxResults", "NextToken", "InvalidParameterValue")
	out := doc{set: page}
	if token != "" {
		out["nextToken"] = token
	}
	return out, err
}
