package consent

import (
	"net/url"
	"strings"

	ev "github.com/aeriehq/aerie/events"
)

// Mirrored returns where the charts of a repository are fetched from instead, as the policy says of its URL or of the longest one
// above it. It is empty if the policy says nothing of it.
func (g *Gate) Mirrored(repository string) string { return g.policy.mirrored(repository) }

func (p Policy) mirrored(repository string) string {
	from, to := "", ""
	for url, mirror := range p.Mirror {
		if len(url) > len(from) && (ev.RepositorySpec{URL: url}).Serves(repository) {
			from, to = url, mirror
		}
	}
	if from == "" {
		return ""
	}
	return strings.TrimSuffix(to, "/") + strings.TrimPrefix(repository, strings.TrimSuffix(from, "/"))
}

// isRepository tells whether a URL is where charts can be fetched from. A password in it would be said in errors.
func isRepository(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "oci") && u.Host != "" && u.User == nil && u.RawQuery == ""
}
