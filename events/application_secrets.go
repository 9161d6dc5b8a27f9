package events

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// SecretRef says where a secret is. The log has this, and never the secret.
type SecretRef struct {
	Store string `json:"store" required:"true" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"the store, as the operator has named it; tenant: the Secrets of the tenant's own namespace"`
	Name  string `json:"name" required:"true" maxLength:"253" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$" doc:"its name there, such as apps/web"`
	Key   string `json:"key" required:"true" maxLength:"253" pattern:"^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$" doc:"the part of it, such as password"`
}

// SecretSource is a field of a spec that wants a secret: it says where the secret is.
type SecretSource struct {
	SecretRef SecretRef `json:"secretRef" required:"true" doc:"Where it is"`
}

// decodeSource reads a field that wants a secret. What stands there instead may be the secret itself, so it is not repeated.
func decodeSource(path string, raw any, dst reflect.Value) []FieldError {
	m, ok := raw.(map[string]any)
	if ref, given := m["secretRef"]; ok && given {
		_, ok = ref.(map[string]any)
	}
	if !ok {
		return []FieldError{{path, `want {"secretRef":{"store","name","key"}}, which says where the secret is: the secret itself would be kept for ever in the log`}}
	}
	return decodeStruct(path, raw, dst)
}

// StoreOfTenant is the store that every tenant's applications have: the Secrets of its own namespace.
const StoreOfTenant = "tenant"

// PartSecrets is what drifts when a secret that something refers to has another value.
const PartSecrets = "a secret"

// Rotated tells whether all that was found is that secrets have other values: what was asked for has changed, not what is there.
func Rotated(found []Drift) bool {
	return len(found) > 0 && !slices.ContainsFunc(found, func(d Drift) bool { return d.What != PartSecrets })
}

// String reads as in ${secret:store/name#key}, without what is around it.
func (r SecretRef) String() string { return r.Store + "/" + r.Name + "#" + r.Key }

var (
	secretMention = regexp.MustCompile(`\$?\$\{secret:[^}]*\}?`)
	secretForm    = regexp.MustCompile(`^\$\{secret:([a-z][a-z0-9-]{0,39})/([A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*)#([A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*)\}$`)
)

// parseSecretRef reads ${secret:store/name#key}.
func parseSecretRef(mention string) (SecretRef, bool) {
	parts := secretForm.FindStringSubmatch(mention)
	if parts == nil || len(parts[2]) > 253 || len(parts[3]) > 253 {
		return SecretRef{}, false
	}
	return SecretRef{parts[1], parts[2], parts[3]}, true
}

// SecretRefs are the references to secrets in values or manifests, each once and in order.
func SecretRefs(v any) (refs []SecretRef) {
	seen := map[SecretRef]bool{}
	eachMention(v, func(mention string) string {
		if r, ok := parseSecretRef(mention); ok {
			seen[r] = true
		}
		return mention
	})
	return slices.SortedFunc(maps.Keys(seen), func(a, b SecretRef) int { return strings.Compare(a.String(), b.String()) })
}

// FillSecrets is a copy of values or manifests with the secrets in the place of the references. $${secret: becomes ${secret:.
func FillSecrets(v any, secrets map[SecretRef]string) any {
	return eachMention(v, func(mention string) string {
		if rest, escaped := strings.CutPrefix(mention, "$$"); escaped {
			return "$" + rest
		}
		r, ok := parseSecretRef(mention)
		if !ok {
			return mention
		}
		return secrets[r]
	})
}

// MentionsSecret tells whether there is anything in a text that FillSecrets replaces.
func MentionsSecret(text string) bool { return strings.Contains(text, "${secret:") }

func eachMention(v any, do func(mention string) string) any {
	return eachText(v, func(s string) string {
		if !MentionsSecret(s) {
			return s
		}
		return secretMention.ReplaceAllStringFunc(s, do)
	})
}

// AsSecret tells whether an object of a manifest is a Secret, where alone a secret may stand.
func AsSecret(manifest map[string]any) bool {
	return manifest["kind"] == "Secret" && (manifest["apiVersion"] == "v1" || manifest["apiVersion"] == nil)
}

// checkSecretRefs finds references that can't be read, and those in manifests that stand in no Secret.
func (s Content) checkSecretRefs() (faults []FieldError) {
	faults = checkMentions("spec.values", s.Values, false)
	for i, m := range s.Manifests {
		path := fmt.Sprintf("spec.manifests[%d]", i)
		rest := m
		if AsSecret(m) {
			rest = maps.Clone(m)
			for _, part := range []string{"data", "stringData"} {
				faults = append(faults, checkMentions(path+"."+part, rest[part], false)...)
				delete(rest, part)
			}
		}
		faults = append(faults, checkMentions(path, rest, true)...)
	}
	return faults
}

// checkMentions finds what is wrong with the references in a part of a spec. Where they are forbidden, each is.
func checkMentions(path string, v any, forbidden bool) (faults []FieldError) {
	switch v := v.(type) {
	case string:
		for _, mention := range secretMention.FindAllString(v, -1) {
			_, good := parseSecretRef(mention)
			switch {
			case strings.HasPrefix(mention, "$$"):
			case forbidden:
				faults = append(faults, FieldError{path, "refers to a secret outside a Secret: put the reference into the stringData of a Secret, and name that Secret here"})
			case !good:
				faults = append(faults, FieldError{path, fmt.Sprintf("%q is no reference: want ${secret:store/name#key}; write $${secret: for the text itself", Truncate(mention))})
			}
		}
	case []any:
		for i, one := range v {
			faults = append(faults, checkMentions(fmt.Sprintf("%s[%d]", path, i), one, forbidden)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := path + "." + Truncate(name)
			if secretMention.MatchString(name) && !strings.HasPrefix(name, "$$") {
				faults = append(faults, FieldError{at, "is a name: only values may have a reference"})
			}
			faults = append(faults, checkMentions(at, v[name], forbidden)...)
		}
	}
	return faults
}
