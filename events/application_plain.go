package events

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// namesSecret tells whether what stands under a key is a secret by the key's name: it ends with password, token or apiKey, or
// is secret, whatever its capitals and hyphens. Keys such as existingSecret say the name of one.
func namesSecret(key string) bool {
	key = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(key))
	return key == "secret" || slices.ContainsFunc([]string{"password", "token", "apikey"}, func(word string) bool { return strings.HasSuffix(key, word) })
}

// onlyRefers tells a text that says where something is, and nothing of it: references to secrets, a variable, a part of a template.
var onlyRefers = regexp.MustCompile(`^(?:\$\([A-Za-z0-9_.-]+\)|\$\{[A-Za-z0-9_.:-]+\}|\{\{[^}]*\}\})*$`)

// withoutRefs is a text with something else in the place of its references to secrets, and whether there were any.
func withoutRefs(text, instead string) (rest string, refers bool) {
	rest = secretMention.ReplaceAllStringFunc(text, func(mention string) string {
		if _, good := parseSecretRef(mention); !good {
			return mention
		}
		refers = true
		return instead
	})
	return rest, refers
}

// isLiteral tells whether what stands under a key that names a secret is one.
func isLiteral(v any) (text string, is bool) {
	switch v := v.(type) {
	case string:
		rest, _ := withoutRefs(v, "")
		return v, !onlyRefers.MatchString(rest)
	case float64, json.Number:
		return fmt.Sprint(v), true
	}
	return "", false
}

// namedSecrets finds what is a secret by where it stands: literals under keys that name one, and in Secrets texts beside
// references. A spec's plain may say that it is none.
func (s Content) namedSecrets() (found []LiteralSecret) {
	found = lookForNamed("spec.values", s.Values, found)
	for i, m := range s.Manifests {
		found = lookForNamed(fmt.Sprintf("spec.manifests[%d]", i), m, found)
	}
	return found
}

// unnamedSecrets are those of namedSecrets that plain does not name, of a part of a spec.
func (s Content) unnamedSecrets(part string) (found []LiteralSecret) {
	for _, l := range s.namedSecrets() {
		if slices.ContainsFunc(s.Plain, func(path string) bool { return plainPath(path) == l.Field }) {
			continue
		}
		within := strings.TrimPrefix(l.Field, "spec.")
		l.Field, l.Excuse = part+"."+within, fmt.Sprintf("%s.plain: [%q]", part, within)
		found = append(found, l)
	}
	return found
}

// plainPath is a path of plain as refusals write it.
func plainPath(path string) string { return "spec." + strings.TrimPrefix(path, "spec.") }

// checkPlain refuses paths at which there is nothing to be excused: what comes to stand there later would be let through.
func (s Content) checkPlain() (faults []FieldError) {
	if len(s.Plain) == 0 {
		return nil
	}
	found := s.namedSecrets()
	for i, path := range s.Plain {
		if !slices.ContainsFunc(found, func(l LiteralSecret) bool { return l.Field == plainPath(path) }) {
			faults = append(faults, FieldError{fmt.Sprintf("spec.plain[%d]", i), fmt.Sprintf("%q names nothing that would be refused: take it away, or write the path as the refusal does, such as values.auth.password", Truncate(path))})
		}
	}
	return faults
}

func lookForNamed(path string, v any, found []LiteralSecret) []LiteralSecret {
	switch v := v.(type) {
	case []any:
		for i, one := range v {
			found = lookForNamed(fmt.Sprintf("%s[%d]", path, i), one, found)
		}
	case map[string]any:
		switch {
		case v["kind"] == "SealedSecret": // it is encrypted
			return found
		case AsSecret(v):
			return lookBesideRefs(path, v, found)
		}
		if name, _ := v["name"].(string); namesSecret(name) { // as variables of a container are written
			if text, is := isLiteral(v["value"]); is {
				found = append(found, named(path+".value", name, text))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := path + "." + Truncate(name)
			if text, is := isLiteral(v[name]); is && namesSecret(name) {
				found = append(found, named(at, name, text))
			}
			found = lookForNamed(at, v[name], found)
		}
	}
	return found
}

func named(path, name, text string) LiteralSecret {
	return LiteralSecret{path, fmt.Sprintf("is a secret by its name, %q", Truncate(name)), text, ""}
}

// lookBesideRefs finds texts of a Secret that refer to secrets and say something besides. What is around references in a URL is none.
func lookBesideRefs(path string, secret map[string]any, found []LiteralSecret) []LiteralSecret {
	for _, part := range []string{"data", "stringData"} {
		data, _ := secret[part].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(data)) {
			text, _ := data[name].(string)
			rest, refers := withoutRefs(text, "")
			if refers && !onlyRefers.MatchString(rest) && !refersInURL(text) {
				found = append(found, LiteralSecret{path + "." + part + "." + Truncate(name), "has something beside a reference in a Secret, and is no URL", text, ""})
			}
		}
	}
	return found
}

// refersInURL tells a URL whose password, and whatever in its query is a secret by its name, is nothing but references.
func refersInURL(text string) bool {
	const ref = "a-reference"
	text, _ = withoutRefs(text, ref)
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return false
	}
	secrets := []string{}
	if password, has := u.User.Password(); has {
		secrets = append(secrets, password)
	}
	for name, values := range u.Query() {
		if namesSecret(name) {
			secrets = append(secrets, values...)
		}
	}
	return !slices.ContainsFunc(secrets, func(s string) bool { return strings.ReplaceAll(s, ref, "") != "" })
}
