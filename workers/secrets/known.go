package secrets

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// shortest is the shortest secret that is looked for in texts: shorter ones are parts of ordinary words.
const shortest = 4

// Known are the secrets that a piece of work has read, to be taken out of whatever it says. The zero value knows none.
type Known struct {
	mu    sync.Mutex
	forms []string // the longest first
}

// Add adds a secret in the forms that errors have it in: as it is, line by line, in base64, in JSON and in a URL.
func (k *Known) Add(secret string) {
	forms := []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		url.QueryEscape(secret), url.PathEscape(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		forms = append(forms, string(quoted[1:len(quoted)-1]))
	}
	for line := range strings.Lines(secret) {
		forms = append(forms, strings.TrimSpace(line))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range forms {
		if len(f) >= shortest && !slices.Contains(k.forms, f) {
			k.forms = append(k.forms, f)
		}
	}
	slices.SortFunc(k.forms, func(a, b string) int { return len(b) - len(a) })
}

// Hide is a text without the secrets.
func (k *Known) Hide(text string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.forms {
		text = strings.ReplaceAll(text, f, "[secret]")
	}
	return text
}
