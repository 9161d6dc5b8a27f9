package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// LiteralSecret is a secret that stands in a spec itself.
type LiteralSecret struct {
	Field string
	Is    string // what it is, such as "holds a private key"
	Value string // never to be shown
}

// knownSecrets are the forms by which a secret is known wherever it stands, and what each is called. None is found where none
// of its signs is.
var knownSecrets = []struct {
	what  string
	signs []string
	form  *regexp.Regexp
}{
	{"a private key", []string{"PRIVATE KEY"}, regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`)},
	{"an access key of AWS", []string{"AKIA", "ASIA"}, regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a token of GitHub", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})`)},
	{"a token of aerie", []string{"aerie_"}, regexp.MustCompile(`\baerie_[0-9A-Z]{26}_[a-z2-7]{20}`)},
	{"a JSON web token", []string{".eyJ"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`)},
	{"a URL with a password", []string{"://"}, regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@"']+:[^/\s@$"'][^/\s@"']*@`)}, // $(PASSWORD) and ${secret:…} are filled in elsewhere
}

// mayHoldSecrets tells whether a spec, as JSON, has a sign of any secret: few have, and only those are looked through.
func mayHoldSecrets(data []byte) bool {
	if bytes.Contains(data, []byte(`"kind":"Secret"`)) {
		return true
	}
	for _, k := range knownSecrets {
		for _, sign := range k.signs {
			if bytes.Contains(data, []byte(sign)) {
				return true
			}
		}
	}
	return false
}

// LiteralSecrets finds what is a secret in a spec: the data of Secrets, and what is known by its form. What only refers to
// secrets is none.
func LiteralSecrets(spec Spec) []LiteralSecret {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil // what can't be written is refused elsewhere
	}
	return LiteralSecretsIn(data)
}

// LiteralSecretsIn is LiteralSecrets of a spec as JSON.
func LiteralSecretsIn(data []byte) []LiteralSecret {
	if !mayHoldSecrets(data) {
		return nil
	}
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return nil
	}
	return lookForSecrets("spec", tree, nil)
}

// lookForSecrets looks through a part of a spec.
func lookForSecrets(path string, v any, found []LiteralSecret) []LiteralSecret {
	switch v := v.(type) {
	case string:
		for _, k := range knownSecrets {
			if k.form.MatchString(v) {
				found = append(found, LiteralSecret{path, "holds " + k.what, v})
			}
		}
	case []any:
		for i, one := range v {
			found = lookForSecrets(fmt.Sprintf("%s[%d]", path, i), one, found)
		}
	case map[string]any:
		if AsSecret(v) {
			found = lookInSecret(path, v, found)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			found = lookForSecrets(path+"."+Truncate(name), v[name], found)
		}
	}
	return found
}

// lookInSecret finds the literal data of a Secret. What refers to secrets is no such.
func lookInSecret(path string, secret map[string]any, found []LiteralSecret) []LiteralSecret {
	for _, part := range []string{"data", "stringData"} {
		data, _ := secret[part].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(data)) {
			if text, _ := data[name].(string); text != "" && len(SecretRefs(text)) == 0 {
				found = append(found, LiteralSecret{path + "." + part + "." + Truncate(name), "is the value of a Secret", text})
			}
		}
	}
	return found
}
