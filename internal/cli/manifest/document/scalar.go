package document

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/aeriehq/aerie/events"
)

// scalar reads a value that is neither an object nor a list.
func (r *yamlReader) scalar(path string, n *yaml.Node) any {
	tagged := n.Style&yaml.TaggedStyle != 0
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case !tagged && quoted, tagged && (n.Tag == "!!str" || n.Tag == "!!timestamp"):
		return n.Value
	case tagged && n.Tag == "!!binary":
		return r.binary(path, n)
	case tagged && !slices.Contains([]string{"!!null", "!!bool", "!!int", "!!float"}, n.Tag):
		r.fault(n, path, "the tag %s says nothing here: leave it out", events.Truncate(n.Tag))
		return nil
	}
	v, err := plainScalar(n.Value)
	if s, text := v.(string); err == nil && text && tagged {
		err = fmt.Errorf("%q is no %s", events.Truncate(s), n.Tag)
	}
	if err != nil {
		r.fault(n, path, "%v", err)
		return nil
	}
	return v
}

func (r *yamlReader) binary(path string, n *yaml.Node) any {
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
	if err != nil {
		r.fault(n, path, "!!binary wants base64: %v", err)
	}
	return string(data)
}

// plainWords are what YAML 1.1, and so kubectl and helm, take for something else than themselves.
var plainWords = func() map[string]any {
	m := map[string]any{}
	for v, list := range map[any]string{nil: "~ null Null NULL", true: "y Y yes Yes YES true True TRUE on On ON", false: "n N no No NO false False FALSE off Off OFF"} {
		for word := range strings.FieldsSeq(list) {
			m[word] = v
		}
	}
	m[""] = nil
	return m
}()

var (
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	yamlFloat  = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	noNumber   = regexp.MustCompile(`^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$`)
)

// plainScalar reads a value without quotes: one of the words, a number, or a string. A number that JSON has too stays as
// it is written.
func plainScalar(s string) (any, error) {
	if v, known := plainWords[s]; known {
		return v, nil
	}
	if !strings.ContainsAny(s[:1], "+-.0123456789") {
		return s, nil
	}
	if noNumber.MatchString(s) {
		return nil, fmt.Errorf("%s is no number that JSON has: put it in quotes", s)
	}
	if jsonNumber.MatchString(s) {
		return json.Number(s), nil
	}
	bare := strings.ReplaceAll(s, "_", "")
	if n, err := strconv.ParseInt(bare, 0, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10)), nil
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(bare, "+"), 0, 64); err == nil {
		return json.Number(strconv.FormatUint(n, 10)), nil
	}
	if !yamlFloat.MatchString(bare) {
		return s, nil
	}
	f, err := strconv.ParseFloat(bare, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Errorf("the number %s is too large: put it in quotes", events.Truncate(s))
	}
	text, err := json.Marshal(f)
	return json.Number(text), err
}
