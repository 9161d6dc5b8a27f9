package execute

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/release"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/workers/secrets"
)

// filling is what an application is to be with the secrets that its spec refers to. It is kept nowhere.
type filling struct {
	values    map[string]any
	manifests []map[string]any
	secrets   []string // all that were read
	mark      string   // their hash under a key that stands in the cluster; empty: there are none
}

// fill reads the secrets that an application refers to, right before they are used, and makes the mark by which it is seen
// later that one has changed.
func (t *Task) fill(ctx context.Context, api kube.API, e ev.EnsureApplication) (f filling, err error) {
	if !bytes.Contains(t.Args, []byte("${secret:")) { // as of nearly all
		return filling{values: e.Values, manifests: e.Manifests}, nil
	}
	read, err := t.readSecrets(ctx, api, e)
	if err != nil {
		return f, err
	}
	f.values, _ = ev.FillSecrets(e.Values, read).(map[string]any)
	for _, m := range e.Manifests {
		f.manifests = append(f.manifests, fillManifest(m, read))
	}
	if len(read) == 0 {
		return f, nil
	}
	for _, value := range read {
		f.secrets = append(f.secrets, value)
	}
	f.mark, err = release.SecretMark(ctx, api, t.placeOf(e), inOneText(read))
	return f, err
}

// fillManifest puts secrets into a manifest. The data of a Secret is in base64.
func fillManifest(m map[string]any, read map[ev.SecretRef]string) map[string]any {
	data, _ := m["data"].(map[string]any)
	if !ev.AsSecret(m) || len(ev.SecretRefs(data)) == 0 {
		filled, _ := ev.FillSecrets(m, read).(map[string]any)
		return filled
	}
	rest := maps.Clone(m)
	delete(rest, "data")
	filled, _ := ev.FillSecrets(rest, read).(map[string]any)
	encoded := map[string]any{}
	for name, v := range data {
		text, is := v.(string)
		if is && len(ev.SecretRefs(text)) > 0 {
			whole, _ := ev.FillSecrets(text, read).(string)
			v = base64.StdEncoding.EncodeToString([]byte(whole))
		}
		encoded[name] = v
	}
	filled["data"] = encoded
	return filled
}

// inOneText is all of the secrets with what refers to them, always in the same order.
func inOneText(read map[ev.SecretRef]string) string {
	all := map[string]string{}
	for ref, value := range read {
		all[ref.String()] = value
	}
	data, _ := json.Marshal(all) // texts can be written
	return string(data)
}

// placeOf is where an application's mark is.
func (t *Task) placeOf(e ev.EnsureApplication) release.AppSpec {
	return release.AppSpec{Namespace: e.Namespace, Name: e.Name, Owner: t.UID, Revision: t.Revision}
}

// readSecrets reads all secrets that an application refers to.
func (t *Task) readSecrets(ctx context.Context, api kube.API, e ev.EnsureApplication) (map[ev.SecretRef]string, error) {
	manifests := make([]any, len(e.Manifests))
	for i, m := range e.Manifests {
		manifests[i] = m
	}
	read := map[ev.SecretRef]string{}
	for _, ref := range ev.SecretRefs([]any{e.Values, manifests}) {
		value, err := t.readSecret(ctx, api, e.Namespace, ref)
		if err != nil {
			return nil, err
		}
		read[ref] = value
	}
	return read, nil
}

// errNoTenants is that the store of tenants is named where there is no tenant.
var errNoTenants = errors.New("is of a tenant, and this is none's")

// readSecret reads one secret for the owner of what is worked on: from a store that serves it, or, of a tenant, from the tenant's
// own namespace. From then on no text of this work has it.
func (t *Task) readSecret(ctx context.Context, api kube.API, namespace string, ref ev.SecretRef) (value string, err error) {
	var there bool
	switch {
	case ref.Store != ev.StoreOfTenant:
		var stores *secrets.Stores
		if t.charts != nil {
			stores = t.charts.Secrets
		}
		value, err = stores.Read(ctx, t.Ref.Owner, ref)
	case t.Ref.Kind != ev.Application || api == nil:
		err = errNoTenants
	default:
		there = !strings.Contains(ref.Name, "/")
		if there {
			value, there, err = release.SecretIn(ctx, api, namespace, ref.Name, ref.Key)
		}
		if err != nil {
			return "", err
		}
		if !there {
			err = secrets.ErrAbsent
		}
	}
	t.hasRead(value)
	if err == nil {
		return value, nil
	}
	e := &kube.Error{Code: kube.Unavailable, Op: "read secret", Object: ref.String(), Message: err.Error()}
	switch {
	case errors.Is(err, secrets.ErrNotServed), errors.Is(err, errNoTenants):
		e.Code = kube.Invalid
	case errors.Is(err, secrets.ErrAbsent):
		e.Code = kube.Unready
	}
	return "", e
}

// Compared is the wish for an application's objects to compare with what is there, with its secrets as they are now, and
// whether these are others than those that it was installed with.
func (t *Task) Compared(ctx context.Context, api kube.API, e ev.EnsureApplication) (wish release.AppSpec, changed bool, err error) {
	wish = t.ApplicationSpec(e)
	read, err := t.readSecrets(ctx, api, e)
	if err != nil {
		return wish, false, err
	}
	for i, m := range e.Manifests {
		wish.Objects[i] = fillManifest(m, read)
	}
	if len(read) == 0 {
		return wish, false, nil
	}
	same, err := release.HasSecrets(ctx, kube.Uncached(api), wish, inOneText(read))
	return wish, !same, err
}

// hasRead notes a secret: no text of this work has it, and where all that leaves is looked through none of that.
func (t *Task) hasRead(secret string) {
	t.known.Add(secret)
	if t.charts != nil && t.charts.Read != nil {
		t.charts.Read.Add(secret)
	}
}
