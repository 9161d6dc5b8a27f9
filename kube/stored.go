package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// stored is an object at rest. It is kept encoded: compact, equal when equal, and nobody can change it from outside.
type stored struct {
	key     Key
	data    []byte // canonical JSON, without its resource version
	labels  map[string]string
	version int64
}

// object decodes a copy, with its resource version.
func (s stored) object() Object {
	o, err := Decode(s.data)
	if err != nil {
		panic("kube: stored object: " + err.Error()) // encode made it
	}
	m := o.metadata()
	m["resourceVersion"] = strconv.FormatInt(s.version, 10)
	return o
}

// encode checks an object by itself and makes it ready to be stored.
func encode(o Object) (stored, error) {
	k := o.Key()
	if why := shapeFault(o); why != "" {
		return stored{}, fail(Invalid, "apply", k, why)
	}
	c, m := o.relabelled()
	delete(m, "resourceVersion")
	data, err := json.Marshal(c)
	if err != nil {
		return stored{}, fail(Invalid, "apply", k, err.Error())
	}
	return stored{key: k, data: data, labels: o.Labels()}, nil
}

func shapeFault(o Object) string {
	k := o.Key()
	switch {
	case k.APIVersion == "" || k.Kind == "":
		return "apiVersion and kind are needed"
	case ClusterScoped(k.APIVersion, k.Kind) && k.Namespace != "":
		return k.Kind + " lives in no namespace"
	case !ClusterScoped(k.APIVersion, k.Kind) && !isLabel(k.Namespace):
		return fmt.Sprintf("metadata.namespace %q is no RFC 1123 label", k.Namespace)
	}
	if why := nameFault(k.APIVersion, k.Kind, k.Name); why != "" {
		return "metadata.name " + why
	}
	return textsFault(o)
}

// textsFault finds labels and annotations that are no maps of strings: the API would refuse them.
func textsFault(o Object) string {
	for _, field := range []string{"labels", "annotations"} {
		switch m := o.metadata()[field].(type) {
		case nil, map[string]string:
		case map[string]any:
			for k, v := range m {
				if _, ok := v.(string); !ok {
					return fmt.Sprintf("metadata.%s[%q] is no string", field, k)
				}
			}
		default:
			return "metadata." + field + " is no map"
		}
	}
	return ""
}

// Decode reads an object from JSON. Whole numbers stay whole: encoding/json alone would make floats of them.
func Decode(data []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, &Error{Code: Invalid, Op: "decode", Message: err.Error(), Err: err}
	}
	for k, v := range m {
		m[k] = plain(v)
	}
	return m, nil
}

// UnmarshalJSON is Decode, so that an object within another document is read the same way.
func (o *Object) UnmarshalJSON(data []byte) error {
	read, err := Decode(data)
	*o = read
	return err
}

// plain turns numbers as written into int64 where they are whole and fit, into float64 else.
func plain(v any) any {
	switch x := v.(type) {
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return i
		}
		f, _ := x.Float64()
		return f
	case map[string]any:
		for k, e := range x {
			x[k] = plain(e)
		}
	case []any:
		for i, e := range x {
			x[i] = plain(e)
		}
	}
	return v
}
