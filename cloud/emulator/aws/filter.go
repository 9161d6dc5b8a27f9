package aws

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// filters must all pass; of each one value must.
type filters []filter

type filter struct {
	name, field string
	values      []string
}

// filters reads a Describe's filters. A name that the kind does not have is refused, as AWS does it.
func (q *request) filters(k *ec2Kind) (all filters, err error) {
	for _, d := range docs(q.in, "Filter") {
		f := filter{name: text(d, "Name"), values: texts(d, "Value")}
		switch {
		case strings.HasPrefix(f.name, "tag:"), f.name == "tag-key":
		case f.name == dashes(k.id):
			f.field = k.id
		default:
			known := false
			if f.field, known = k.filters[f.name]; !known {
				return nil, fail("InvalidParameterValue", "The filter '%s' is invalid", f.name)
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

func (all filters) pass(t *emulator.Thing) bool {
	for _, f := range all {
		if !f.passes(t) {
			return false
		}
	}
	return true
}

func (f filter) passes(t *emulator.Thing) bool {
	if key, ok := strings.CutPrefix(f.name, "tag:"); ok {
		v, there := t.Tags[key]
		return there && f.matches(v)
	}
	if f.name == "tag-key" {
		return slices.ContainsFunc(sortedKeys(t.Tags), f.matches)
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
	page, token, err := cut(found, q.in, "MaxResults", "NextToken", "InvalidParameterValue")
	out := doc{set: page}
	if token != "" {
		out["nextToken"] = token
	}
	return out, err
}

// cut takes the page that a request asks for out of all.
func cut(found []any, in doc, size, token, refusal string) (page []any, next string, err error) {
	from := 0
	if given := text(in, token); given != "" {
		if from = readToken(given); from < 0 || from > len(found) {
			return nil, "", fail(refusal, "The token '%s' is invalid", given)
		}
	}
	most, bound := whole(in, size)
	if bound && most < 1 {
		return nil, "", fail(refusal, "%s must be at least 1", size)
	}
	page = found[from:]
	if bound && len(page) > most {
		page, next = page[:most], base64.RawURLEncoding.EncodeToString([]byte("after "+strconv.Itoa(from+most)))
	}
	if page == nil {
		page = []any{}
	}
	return page, next, nil
}

func readToken(s string) int {
	data, err := base64.RawURLEncoding.DecodeString(s)
	rest, ok := strings.CutPrefix(string(data), "after ")
	n, numberErr := strconv.Atoi(rest)
	if err != nil || !ok || numberErr != nil {
		return -1
	}
	return n
}
