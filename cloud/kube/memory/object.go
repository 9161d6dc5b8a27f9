package memory

import (
	"strconv"

	"github.com/aeriehq/aerie/cloud/kube"
)

// stored is an object at rest, as it is read from a cluster. It is replaced and never changed: it shares with what was
// applied, and what goes out is a copy.
type stored struct {
	key     kube.Key
	is      kube.Object
	version int64
}

// atRest checks an object by itself and makes it ready to be stored.
func atRest(o kube.Object) (stored, error) {
	k := o.Key()
	if why := kube.ShapeFault(o); why != "" {
		return stored{}, kube.Fail(kube.Invalid, "apply", k, why)
	}
	read, err := o.AsRead()
	if err != nil {
		return stored{}, kube.Fail(kube.Invalid, "apply", k, err.Error())
	}
	s := stored{key: k}
	s.is, _ = read.Relabelled()
	return s, nil
}

// at gives it a resource version.
func (s *stored) at(version int64) {
	s.version = version
	kube.SetVersion(s.is, strconv.FormatInt(version, 10))
}
