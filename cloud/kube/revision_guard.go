package kube

import (
	"context"
	"errors"
	"strconv"
)

// ApplyGuarded applies an object unless a newer revision of it was applied already.
func ApplyGuarded(ctx context.Context, api API, o Object, revision uint64) (changed bool, err error) {
	return applyGuarded(ctx, api, o, revision, true)
}

// ChangeGuarded applies an object as ApplyGuarded does, if it is there. One that is not is NotFound and is not made: it is for what a
// call that comes late must not make again.
func ChangeGuarded(ctx context.Context, api API, o Object, revision uint64) (changed bool, err error) {
	return applyGuarded(ctx, api, o, revision, false)
}

func applyGuarded(ctx context.Context, api API, o Object, revision uint64, makes bool) (changed bool, err error) {
	return Guarded(func() (bool, error) {
		there, err := Find(ctx, api, o.Key())
		switch {
		case err != nil:
			return false, err
		case there == nil && !makes:
			return false, Fail(NotFound, "change", o.Key(), "it is not there")
		case IsNewer(there, revision):
			return false, Fail(Conflict, "apply", o.Key(), "a newer revision was applied")
		}
		return ApplyOver(ctx, api, o, StringOf(there.Metadata()["resourceVersion"]))
	})
}

// Guarded reads an object and decides, and writes what it decided. Whoever comes in between makes the write a conflict, so
// an old wish that comes late never wins. Mostly it is a controller that wrote down how far it has come: then it is read
// and decided again.
func Guarded(readAndWrite func() (changed bool, err error)) (changed bool, err error) {
	for range guardTries {
		if changed, err = readAndWrite(); !errors.Is(err, errRaced) {
			return changed, err
		}
	}
	return changed, err
}

// guardTries is how often it is tried to come between the writes of others.
const guardTries = 5

// errRaced says that an object has changed between reading and writing.
var errRaced = errors.New("it was changed meanwhile")

// ApplyOver applies an object over that version of it which was read.
func ApplyOver(ctx context.Context, api API, o Object, version string) (changed bool, err error) {
	SetVersion(o, version)
	changed, err = api.Apply(ctx, o)
	return changed, raced(err)
}

// DeleteIf deletes an object as it was read, if it may go: who comes in between has it judged again. The absent, and what is on
// its way out, is success and is not judged.
func DeleteIf(ctx context.Context, api API, k Key, may func(there Object) (bool, error)) error {
	_, err := Guarded(func() (bool, error) {
		there, err := Find(ctx, api, k)
		if err != nil || there == nil || there.Terminating() {
			return false, err
		}
		if goes, err := may(there); err != nil || !goes {
			return false, err
		}
		return true, raced(api.DeleteUnchanged(ctx, there))
	})
	return err
}

// DeleteOwn deletes an object as DeleteIf does, if it says this owner's uid.
func DeleteOwn(ctx context.Context, api API, k Key, owner string) error {
	return DeleteIf(ctx, api, k, func(there Object) (bool, error) { return there.Labels()[LabelOwner] == owner, nil })
}

// raced says of a conflict that somebody has come in between.
func raced(err error) error {
	var own *Error
	if errors.As(err, &own) && own.Code == Conflict {
		e := *own
		e.Err = errors.Join(errRaced, own.Err)
		return &e
	}
	return err
}

// Set writes some fields of an object as it was read and leaves all others alone; a nil value removes its field. Whoever has
// come in between makes it a conflict.
func Set(ctx context.Context, api API, there Object, fields map[string]any) error {
	version := StringOf(there.Metadata()["resourceVersion"])
	c, err := Running(ctx, api)
	if err != nil {
		return err
	}
	if c == nil { // it has one manager, who applies the whole object
		o := there.AsWish().Clone()
		merge(o, fields)
		_, err := ApplyOver(ctx, api, o, version)
		return err
	}
	fields = CloneMap(fields)
	merge(fields, map[string]any{"metadata": map[string]any{"resourceVersion": version}})
	return raced(c.merge(ctx, there.Key(), fields))
}

// merge writes fields into an object, as RFC 7396 has it.
func merge(into, fields map[string]any) {
	for name, value := range fields {
		inner, nested := value.(map[string]any)
		if !nested {
			if into[name] = value; value == nil {
				delete(into, name)
			}
			continue
		}
		old := MapOf(into[name])
		if old == nil {
			old = map[string]any{}
			into[name] = old
		}
		merge(old, inner)
	}
}

// IsNewer says whether an object was applied by a later revision. One without a revision is older than all.
func IsNewer(there Object, revision uint64) bool {
	r, err := strconv.ParseUint(there.Annotations()[AnnotationRevision], 10, 64)
	return err == nil && r > revision
}

// SetVersion makes a resource version the precondition of an apply. Without one there is none, whatever a manifest says.
func SetVersion(o Object, version string) {
	if version == "" {
		delete(o.Metadata(), "resourceVersion")
		return
	}
	o.Metadata()["resourceVersion"] = version
}

// ApplyNamespace makes a namespace, or writes over one that is ours to write. It says whether there was none: then nothing
// of an earlier wish can be in it.
func ApplyNamespace(ctx context.Context, api API, op string, ns Object, owner string, revision uint64) (changed, made bool, err error) {
	return applyNamespace(ctx, api, op, ns, owner, revision, true)
}

// ChangeNamespace writes over a namespace as ApplyNamespace does, if it is there. One that is not is NotFound, and made is always
// false.
func ChangeNamespace(ctx context.Context, api API, op string, ns Object, owner string, revision uint64) (changed, made bool, err error) {
	return applyNamespace(ctx, api, op, ns, owner, revision, false)
}

func applyNamespace(ctx context.Context, api API, op string, ns Object, owner string, revision uint64, makes bool) (
	changed, made bool, err error) {
	changed, err = Guarded(func() (bool, error) {
		version, err := admitNamespace(ctx, api, op, ns.Name(), owner, revision)
		if made = version == ""; err == nil && made && !makes {
			err = Fail(NotFound, op, NamespaceKey(ns.Name()), "it is not there")
		}
		if err != nil {
			return false, err
		}
		return ApplyOver(ctx, api, ns, version)
	})
	return changed, made && err == nil, err
}

// admitNamespace decides whether the namespace is ours to write, and returns its resource version.
func admitNamespace(ctx context.Context, api API, op, namespace, owner string, revision uint64) (version string, err error) {
	k := NamespaceKey(namespace)
	there, err := Find(ctx, api, k)
	if err != nil || there == nil {
		return "", err
	}
	if there.Terminating() {
		return "", Fail(Unavailable, op, k, "it is still terminating")
	}
	if there.Labels()[LabelOwner] != owner {
		return "", Taken(op, k, there)
	}
	if IsNewer(there, revision) {
		return "", Fail(Conflict, op, k, "a newer revision was applied")
	}
	return StringOf(there.Metadata()["resourceVersion"]), nil
}

// Taken is the conflict of finding an object that belongs to another owner, whose uid or mark it says.
func Taken(op string, k Key, there Object) error {
	owner := there.Labels()[LabelOwner]
	if owner == "" {
		owner = there.Annotations()[AnnotationMark]
	}
	return Fail(Conflict, op, k, "it belongs to another: "+strconv.Quote(owner))
}

// NamespaceKey is the key of a namespace.
func NamespaceKey(name string) Key { return Key{APIVersion: "v1", Kind: "Namespace", Name: name} }
