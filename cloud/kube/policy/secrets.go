package policy

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
)

// leastSecret is the length of the shortest secret that is looked for within texts; a shorter one is only known as a whole.
const leastSecret = 4

// SpilledSecret is the field of an object in which one of some secrets stands, and where it must not: anywhere but in the data
// of a Secret. "" is none.
func SpilledSecret(o kube.Object, secrets []string) string {
	if len(secrets) == 0 {
		return ""
	}
	rest := maps.Clone(map[string]any(o))
	if o.Kind() == "Secret" && o.APIVersion() == "v1" {
		delete(rest, "data")
		delete(rest, "stringData")
	}
	var forms []string
	for _, s := range secrets {
		forms = append(forms, s, base64.StdEncoding.EncodeToString([]byte(s)))
	}
	return spilled(rest, forms)
}

func spilled(v any, forms []string) string {
	switch v := v.(type) {
	case string:
		if slices.ContainsFunc(forms, func(f string) bool { return f != "" && (v == f || len(f) >= leastSecret && strings.Contains(v, f)) }) {
			return "."
		}
	case []any:
		for i, one := range v {
			if at := spilled(one, forms); at != "" {
				return "[" + strconv.Itoa(i) + "]" + strings.TrimSuffix("."+strings.TrimPrefix(at, "."), ".")
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if spilled(name, forms) != "" {
				return "a name"
			}
			if at := spilled(v[name], forms); at != "" {
				return name + strings.TrimSuffix(dotted(at), ".")
			}
		}
	}
	return ""
}

// dotted is how a path goes on behind a name.
func dotted(at string) string {
	if strings.HasPrefix(at, "[") || at == "." {
		return at
	}
	return "." + at
}
