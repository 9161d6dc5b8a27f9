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

	Excuse string // what the spec says if it is none; empty: nothing excuses it
}

// Same tells whether another is the same secret, wherever it stands.
func (l LiteralSecret) Same(other LiteralSecret) bool { return l.Value == other.Value }

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

// LiteralSecrets finds what is a secret in a spec: the data of Secrets, what is known by its form, and what is one by its name
// and not in the spec's plain. What only refers to secrets is none.
func LiteralSecrets(spec Spec) []LiteralSecret {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil // what can't be written is refused elsewhere
	}
	found := knownByForm(data)
	switch s := spec.(type) {
	case ApplicationSpec:
		found = append(append(found, s.Content().unnamedSecrets("spec")...), secretsOfJobs("spec.move", s.Move.Jobs(""))...)
		return append(found, secretsOfJobs("spec.suspension", s.Suspension.Jobs(""))...)
	case Installed:
		return append(found, s.Content().unnamedSecrets("spec")...)
	case PlanSpec:
		for i, a := range s.Applications {
			found = append(found, a.Spec().Content().unnamedSecrets(fmt.Sprintf("spec.applications[%d]", i))...)
		}
		found = append(append(found, s.Tenants.namedSecrets()...), s.Move.namedSecrets()...)
		found = append(found, secretsOfJobs("spec.suspension", s.Suspension.Jobs())...)
	}
	return found
}

// LiteralSecretsIn is LiteralSecrets of a spec as JSON.
func LiteralSecretsIn(data []byte) []LiteralSecret {
	found := knownByForm(data)
	var c struct {
		Content
		Applications []Content // of a plan, as what follows
		Tenants      PlanSteps
		Move         *PlanMove // of an application too, which names programs by the same names
		Suspension   *PlanSuspension
	}
	if json.Unmarshal(data, &c) != nil {
		return found
	}
	found = append(found, c.unnamedSecrets("spec")...)
	for i, a := range c.Applications {
		found = append(found, a.unnamedSecrets(fmt.Sprintf("spec.applications[%d]", i))...)
	}
	found = append(append(found, c.Tenants.namedSecrets()...), c.Move.namedSecrets()...)
	return append(found, secretsOfJobs("spec.suspension", c.Suspension.Jobs())...)
}

// knownByForm finds the data of Secrets, and what is a secret by its form, in a spec as JSON.
func knownByForm(data []byte) []LiteralSecret {
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
				found = append(found, LiteralSecret{path, "holds " + k.what, v, ""})
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
			text, is := data[name].(string)
			if data[name] != nil && !is {
				text = fmt.Sprint(data[name])
			}
			if text != "" && len(SecretRefs(text)) == 0 {
				found = append(found, LiteralSecret{path + "." + part + "." + Truncate(name), "is the value of a Secret", text, ""})
			}
		}
	}
	return found
}
