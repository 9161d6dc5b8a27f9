package memory

import (
	"slices"
	"strconv"

	"github.com/aeriehq/aerie/cloud/kube"
)

// What goes with others does so here as in a cluster that has a garbage collector: an object is gone when all its owners are, also one
// that is applied when they are gone already. A real cluster does it by itself a little later, and the store in the same call.

// known gives an object the uid that it has, or else that of its first version, which no later object has while the store is open. One
// that an older release has stored has none.
func (s *stored) known(old stored, there bool, first int64) {
	metadata := s.is.Metadata()
	switch uid := old.is.Metadata()["uid"]; {
	case !there:
		metadata["uid"] = strconv.FormatInt(first, 10)
	case uid == nil:
		delete(metadata, "uid")
	default:
		metadata["uid"] = uid
	}
}

// owners are the objects that it goes with, of those that are named by uid.
func (s stored) owners() (refs []map[string]any) {
	return slices.DeleteFunc(kube.MapsOf(s.is.Metadata()["ownerReferences"]), func(r map[string]any) bool { return kube.StringOf(r["uid"]) == "" })
}

func (m *Store) put(s stored) {
	k := s.key.Identity()
	m.objects[k] = s
	if delete(m.owned, k); len(s.owners()) > 0 {
		m.owned[k] = true
	}
}

// orphaned tells whether an object goes with others, none of which is there.
func (m *Store) orphaned(s stored) bool {
	return !slices.ContainsFunc(s.owners(), func(r map[string]any) bool {
		k := kube.Key{APIVersion: kube.Group(kube.StringOf(r["apiVersion"])), Kind: kube.StringOf(r["kind"]), Name: kube.StringOf(r["name"])}
		_, wide := m.objects[k]
		if !wide {
			k.Namespace = s.key.Namespace
		}
		return kube.StringOf(m.objects[k].is.Metadata()["uid"]) == r["uid"]
	})
}

// collect removes what goes with others that are gone, and what goes with that.
func (m *Store) collect() error {
	for {
		var gone []stored
		for k := range m.owned {
			if s := m.objects[k]; m.orphaned(s) {
				gone = append(gone, s)
			}
		}
		if len(gone) == 0 {
			return nil
		}
		slices.SortFunc(gone, byKey)
		for _, s := range gone {
			if err := m.drop(s); err != nil {
				return err
			}
		}
	}
}
