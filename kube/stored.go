package kube

import (
	"fmt"
	"strconv"
)

// stored is an object at rest, as it is read from a cluster. It is replaced and never changed: it shares with what was
// applied, and what goes out is a copy.
type stored struct {
	key     Key
	is      Object
	version int64
}

// atRest checks an object by itself and makes it ready to be stored.
func atRest(o Object) (stored, error) {
	k := o.Key()
	if why := shapeFault(o); why != "" {
		return stored{}, fail(Invalid, "apply", k, why)
	}
	read, err := o.asRead()
	if err != nil {
		return stored{}, fail(Invalid, "apply", k, err.Error())
	}
	s := stored{key: k}
	s.is, _ = read.relabelled()
	return s, nil
}

// at gives it a resource version.
func (s *stored) at(version int64) {
	s.version = version
	setVersion(s.is, strconv.FormatInt(version, 10))
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
