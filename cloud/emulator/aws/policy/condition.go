package policy

import (
	"fmt"
	"slices"
	"strings"
)

// operator is how a condition compares.
type operator struct {
	same     func(pattern, value string) bool
	not      bool // none of the values may be the same
	ifExists bool // it holds where the key is missing
	set      string
	null     bool
}

// comparisons are those that are known. Where a name has Not in it is the same, turned round.
var comparisons = map[string]func(pattern, value string) bool{
	"StringEquals": func(p, v string) bool { return p == v }, "StringEqualsIgnoreCase": strings.EqualFold, "StringLike": glob,
	"ArnEquals": arn, "ArnLike": arn, "Bool": strings.EqualFold,
}

// The qualifiers of keys with several values.
const (
	forAny = "ForAnyValue"
	forAll = "ForAllValues"
)

func operatorOf(name string) (o operator, err error) {
	if name == "Null" {
		return operator{null: true}, nil
	}
	bare := name
	if set, rest, qualified := strings.Cut(name, ":"); qualified {
		if o.set, bare = set, rest; set != forAny && set != forAll {
			return o, fmt.Errorf("the condition operator %s is not known here", name)
		}
	}
	bare, o.ifExists = strings.CutSuffix(bare, "IfExists")
	if o.same = comparisons[bare]; o.same == nil {
		bare = strings.Replace(bare, "Not", "", 1)
		o.same, o.not = comparisons[bare], true
	}
	if o.same == nil {
		return o, fmt.Errorf("the condition operator %s is not known here", name)
	}
	return o, nil
}

// holds says whether a condition on one key holds. Of several wanted values one will do, or with Not none may be there.
// A missing key fulfils no condition but those with Not, with IfExists, and for all values.
func (o operator) holds(c Context, key string, wanted []string) bool {
	values, there := c.get(key)
	switch {
	case o.null:
		return slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, "true") }) != there
	case !there || len(values) == 0:
		return o.ifExists || o.set == forAll || o.not && o.set == ""
	case o.set == forAll:
		return !slices.ContainsFunc(values, func(v string) bool { return !o.fits(wanted, v) })
	}
	return slices.ContainsFunc(values, func(v string) bool { return o.fits(wanted, v) })
}

func (o operator) fits(wanted []string, value string) bool {
	return slices.ContainsFunc(wanted, func(w string) bool { return o.same(w, value) }) != o.not
}

// arn compares ARNs: each of the six parts between colons by itself, so that a star does not reach over into the next. A
// star alone is everything.
func arn(pattern, value string) bool {
	want, is := strings.SplitN(pattern, ":", 6), strings.SplitN(value, ":", 6)
	if pattern == "*" {
		return true
	}
	if len(want) != len(is) {
		return false
	}
	for i := range want {
		if !glob(want[i], is[i]) {
			return false
		}
	}
	return true
}

// glob knows * for any characters, a slash among them, and ? for one.
func glob(pattern, value string) bool {
	star, from := -1, 0
	p, v := 0, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p++
			v++
		case star >= 0: // the last star takes one more
			from++
			p, v = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
