package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Difference is one object that is not as it was applied.
type Difference struct {
	Object Key
	Gone   bool
	Detail string // what differs, if it is there; why it cannot be there, if its kind is not served
}

// Drift is how objects that we apply ourselves differ from what is wanted.
func Drift(ctx context.Context, api API, wanted []Object) ([]Difference, error) {
	found, err := FindDifferences(ctx, api, wanted)
	if err != nil {
		return nil, err
	}
	return ConfirmDifferences(ctx, api, found, wanted)
}

// ConfirmDifferences are those of the differences that applying the objects once more would end. A server keeps some wishes as
// something else than they were written as, or not at all; it alone knows what comes of them, so it is asked, but only
// where there seems to be a difference.
func ConfirmDifferences(ctx context.Context, api API, found []Difference, wanted []Object) (left []Difference, err error) {
	for _, d := range found {
		if !d.Gone {
			i := slices.IndexFunc(wanted, func(o Object) bool { return o.Key() == d.Object })
			if d.Detail, err = wouldChange(ctx, api, wanted[i], d.Detail); err != nil {
				return nil, err
			}
		}
		if d.Gone || d.Detail != "" {
			left = append(left, d)
		}
	}
	return left, nil
}

// wouldChange says what applying an object would change; "" if nothing. What the server refuses to apply is as it seemed.
func wouldChange(ctx context.Context, api API, o Object, seems string) (string, error) {
	o = o.unnumbered()
	SetVersion(o, "")
	is, wouldBe, err := api.Try(ctx, o)
	if CodeOf(err) == Unavailable {
		return "", err
	}
	if err != nil {
		return seems + ", and to apply it again is refused: " + err.Error(), nil
	}
	return DescribeChange(is.unnumbered(), wouldBe.unnumbered()), nil
}

// DescribeChange says in words what makes another object of one; "" if they are the same.
func DescribeChange(is, wouldBe Object) string {
	if reflect.DeepEqual(is, wouldBe) {
		return ""
	}
	return cmp.Or(shortfall(is, wouldBe), shortfall(wouldBe, is), "it has what it should not have")
}

// FindDifferences are the wanted objects that are not there, or lack something of what is wanted.
func FindDifferences(ctx context.Context, api API, wanted []Object) (found []Difference, err error) {
	for _, o := range wanted {
		k := o.Key()
		there, err := api.Get(ctx, k.APIVersion, k.Kind, k.Namespace, k.Name)
		if gone := GoneBy(k, err); gone != nil {
			found = append(found, *gone)
		} else if err != nil {
			return found, err
		} else if detail := Lacks(there, o); detail != "" {
			found = append(found, Difference{Object: k, Detail: detail})
		}
	}
	return found, nil
}

// GoneBy is the difference that an error says there is, if it says that something is not there.
func GoneBy(k Key, err error) *Difference {
	var own *Error
	if errors.Is(err, ErrUnserved) && errors.As(err, &own) {
		return &Difference{Object: k, Gone: true, Detail: own.Message}
	}
	if CodeOf(err) == NotFound {
		return &Difference{Object: k, Gone: true}
	}
	return nil
}

// Lacks says what of the wanted an object does not have. By which revision it was applied is no part of the wish.
func Lacks(there, wanted Object) string {
	o, err := wanted.AsRead()
	if err != nil {
		return err.Error()
	}
	return shortfall(there, o.unnumbered())
}

// unnumbered is a copy of an object that does not say by which revision it was applied.
func (o Object) unnumbered() Object {
	a := maps.Clone(MapOf(o.Metadata()["annotations"]))
	if a == nil {
		return o
	}
	c, m := o.Relabelled()
	delete(a, AnnotationRevision)
	if m["annotations"] = a; len(a) == 0 {
		delete(m, "annotations")
	}
	return c
}

// shortfall says in words what of another object, read too, the one that is there does not have.
func shortfall(there, wanted Object) string {
	path, why := missingFields(wanted, there)
	if why == "" {
		return ""
	}
	return path[1:] + " " + why
}

// missing finds the first path at which what is wanted is not there, and what is the matter; "" if there is none. A map
// may have more than is wanted: a cluster fills in defaults, and others have fields of their own.
func missing(wanted, there any) (path, why string) {
	switch w := wanted.(type) {
	case map[string]any:
		return missingFields(w, MapOf(there))
	case []any:
		has, _ := there.([]any)
		return missingEntries(w, has)
	}
	if wanted == there {
		return "", ""
	}
	return "", "differs" // not the values: an object may hold a secret
}

func missingFields(wanted, has map[string]any) (path, why string) {
	first := ""
	for k, v := range wanted {
		if v == nil || v == "" && has[k] == nil { // no wish, and what a server does not keep
			continue
		}
		if p, w := missing(v, has[k]); w != "" && (why == "" || k < first) {
			first, path, why = k, "."+k+p, w
		}
	}
	return path, why
}

func missingEntries(wanted, has []any) (path, why string) {
	if len(has) != len(wanted) {
		return "", fmt.Sprintf("has %d entries, wanted %d", len(has), len(wanted))
	}
	for i := range wanted {
		if p, w := missing(wanted[i], has[i]); w != "" {
			return fmt.Sprintf("[%d]%s", i, p), w
		}
	}
	return "", ""
}

// CachedList reads a cluster's objects that are ours, each kind once: when it is first asked for one of that kind. It serves
// to look at many objects, soon thrown away, and is not safe for concurrent use.
func CachedList(api API) API { return &cachedList{API: api, kinds: map[Key]map[Key]Object{}} }

// Uncached is the API behind CachedList; any other is itself.
func Uncached(api API) API {
	if l, is := api.(*cachedList); is {
		return l.API
	}
	return api
}

type cachedList struct {
	API
	kinds map[Key]map[Key]Object
}

// Get answers from the list of the kind.
func (l *cachedList) Get(ctx context.Context, apiVersion, kind, namespace, name string) (Object, error) {
	k := Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	all, err := l.all(ctx, apiVersion, kind)
	if err != nil {
		return nil, err
	}
	if o, there := all[k]; there {
		return o, nil
	}
	return nil, Fail(NotFound, "get", k, "it is not there")
}

func (l *cachedList) all(ctx context.Context, apiVersion, kind string) (map[Key]Object, error) {
	of := Key{APIVersion: apiVersion, Kind: kind}
	if all, read := l.kinds[of]; read {
		return all, nil
	}
	found, err := l.List(ctx, Selector{APIVersion: apiVersion, Kind: kind, Labels: map[string]string{LabelManagedBy: Manager}})
	if err != nil {
		return nil, err
	}
	all := map[Key]Object{}
	for _, o := range found {
		k := o.Key()
		k.APIVersion = apiVersion
		all[k] = o
	}
	l.kinds[of] = all
	return all, nil
}
