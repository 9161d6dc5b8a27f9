package main

import "math"

// maxWhole is the first whole number that a float64 may not hold exactly.
const maxWhole = 1 << 53

// whole is a copy of values in which whole numbers are integers, as they are where Helm reads --set: a template then
// writes 20260314 and not 2.0260314e+07, and compares it with a number of its own. The log keeps numbers as JSON has
// them, which does not tell a whole number from any other.
func whole(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < maxWhole {
			return int64(v)
		}
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = whole(v[i])
		}
		return c
	case map[string]any:
		if v == nil {
			return v
		}
		c := make(map[string]any, len(v))
		for k := range v {
			c[k] = whole(v[k])
		}
		return c
	}
	return v
}
