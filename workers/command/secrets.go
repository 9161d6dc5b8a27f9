package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/state"
)

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
	{"a URL with a password", []string{"://"}, regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@"']+:[^/\s@$"'][^/\s@"']*@`)}, // $(PASSWORD) is filled in elsewhere
}

// insteadOfSecrets says how a secret gets to where it is needed without passing the log.
const insteadOfSecrets = "what is asked is kept for ever in the log. Put it into the cluster itself, as a SealedSecret, an ExternalSecret or with kubectl, and name that Secret here"

// refuseSecrets refuses a command that would write a secret into the log, where it could never be removed from. What the
// entity's present spec has already is let through, so that an entity of an older release can still be changed. A repeat of
// a command that was done gets its answer.
func (i *Intake) refuseSecrets(ctx context.Context, c ev.Command) error {
	spec := ev.SpecOf(c.Payload)
	if spec == nil {
		return nil
	}
	found := secretsIn(spec)
	if len(found) == 0 {
		return nil
	}
	known := false
	i.fold.View(func(w *state.Entities) {
		_, known = w.Caused(c.ID)
		if e, there := w.Get(c.Ref); there {
			for value := range secretsIn(e.Data.Wants()) {
				delete(found, value)
			}
		}
	})
	if known || len(found) == 0 {
		return nil
	}
	if before, err := i.longAgo(ctx, c); err != nil || before > 0 {
		return err
	}
	return ev.RefuseFaults(c.Ref.String(), slices.SortedFunc(maps.Values(found), func(a, b ev.FieldError) int {
		return strings.Compare(a.Field, b.Field)
	}))
}

// secretsIn finds what is a secret in a spec, each with the fault that it is; the keys are the secrets.
func secretsIn(spec ev.Spec) map[string]ev.FieldError {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil // what can't be written is refused elsewhere
	}
	if !mayHoldSecrets(data) {
		return nil
	}
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return nil
	}
	found := map[string]ev.FieldError{}
	look("spec", tree, found)
	return found
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

// look looks through a part of a spec.
func look(path string, v any, found map[string]ev.FieldError) {
	switch v := v.(type) {
	case string:
		for _, k := range knownSecrets {
			if k.form.MatchString(v) {
				found[v] = ev.FieldError{Field: path, Message: "holds " + k.what + ": " + insteadOfSecrets}
			}
		}
	case []any:
		for i, one := range v {
			look(fmt.Sprintf("%s[%d]", path, i), one, found)
		}
	case map[string]any:
		if v["kind"] == "Secret" && (v["apiVersion"] == "v1" || v["apiVersion"] == nil) {
			lookInSecret(path, v, found)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			look(path+"."+ev.Truncate(name), v[name], found)
		}
	}
}

// lookInSecret finds the literal data of a Secret.
func lookInSecret(path string, secret map[string]any, found map[string]ev.FieldError) {
	for _, part := range []string{"data", "stringData"} {
		data, _ := secret[part].(map[string]any)
		for name, value := range data {
			if text, _ := value.(string); text != "" {
				found[text] = ev.FieldError{Field: path + "." + part + "." + ev.Truncate(name), Message: "is the value of a Secret: " + insteadOfSecrets}
			}
		}
	}
}
