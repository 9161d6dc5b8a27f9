package events

import "testing"

// TestTextForACustomer: sentences lose what is about others, and nothing else.
func TestTextForACustomer(t *testing.T) {
	for text, want := range map[string]string{
		"wants pg of size small; 1 fit; by rule spread: tenantinfra -/eu_pg, with 12 tenants before this one":                                 "wants pg of size small; by rule spread: tenantinfra -/eu_pg",
		"wants pg of size small; by rule spread among those that are ready: tenantinfra -/eu_pg":                                              "wants pg of size small; by rule spread among those that are ready: tenantinfra -/eu_pg",
		"run Pod x: 0/5 nodes are available: 3 Insufficient cpu, 2 Insufficient memory, 1 node(s) had untolerated taint {of: birch}.":         "run Pod x: no node has room for it: Insufficient cpu, Insufficient memory",
		"run Pod x: 0/5 nodes are available: 5 node(s) didn't match Pod's node affinity/selector.":                                            "run Pod x: no node takes it",
		`apply Namespace n: it belongs to another: "birch/tenant/prod/01J"`:                                                                   "apply Namespace n: it belongs to another",
		`apply Namespace n: it belongs to another: "acme/tenant/prod/01J"`:                                                                    `apply Namespace n: it belongs to another: "acme/tenant/prod/01J"`,
		"waits for dataplane -/eu, which is Failed: 23 of 23 vCPU are used":                                                                   "waits for dataplane -/eu, which is Failed",
		"waits for dataplane acme/eu, which is Failed: 23 of 23 vCPU are used":                                                                "waits for dataplane acme/eu, which is Failed: 23 of 23 vCPU are used",
		"wants pg of size small; 2 fit; by rule cheapest among those that are ready: tenantinfra -/eu_pg, whose machines cost 0.0613 an hour": "wants pg of size small; by rule cheapest among those that are ready: tenantinfra -/eu_pg",
		"wants pg of size small; by rule cheapest among those that are ready: tenantinfra acme/eu_pg, whose machines cost 0.0613 an hour":     "wants pg of size small; by rule cheapest among those that are ready: tenantinfra acme/eu_pg, whose machines cost 0.0613 an hour",
		"arn:aws:iam::1:role/x may not": "arn:aws:iam::1:role/x may not",
	} {
		if got := TextFor("acme", text); got != want {
			t.Errorf("%s\nreads %s\nwant  %s", text, got, want)
		}
	}
	for data, want := range map[string]string{
		`{"why":"; 3 fit; by rule x","n":12345678901234567890,"a":"<&>"}`:                                                         `{"a":"<&>","n":12345678901234567890,"why":"; by rule x"}`,
		`{"site":{"account":{"cloud":"aws","number":"1"},"region":"r","dataplane":"-/eu"},"cluster":"c"}`:                         `{"cluster":"","site":{"account":{"cloud":"aws"},"dataplane":"-/eu","region":"r"}}`,
		`{"site":{"account":{"cloud":"aws","number":"1"},"region":"r","dataplane":"acme/eu"},"cluster":"c"}`:                      `{"site":{"account":{"cloud":"aws","number":"1"},"region":"r","dataplane":"acme/eu"},"cluster":"c"}`,
		`{"terms":{"cut":"1m","ingress":["10.0.0.0/8"]},"jobs":[{"step":"copy","job":{"image":"x"}},{"step":"copy","app":"pg"}]}`: `{"jobs":[{"app":"pg","step":"copy"}],"terms":{"cut":"1m"}}`,
		`{"programs":{"jobs":[{"step":"suspend","job":{"image":"x"}},{"step":"suspend","app":"pg"}],"egress":["10.0.7.4/32"]}}`:   `{"programs":{"jobs":[{"app":"pg","step":"suspend"}]}}`,
		`{"why":"by rule cheapest: tenantinfra -/eu_pg, whose machines cost 0.0613 an hour"}`:                                     `{"why":"by rule cheapest: tenantinfra -/eu_pg"}`,
		`no JSON, 3 fit; by rule`: `no JSON, 3 fit; by rule`,
	} {
		if got := string(ShownTo("acme", []byte(data))); got != want {
			t.Errorf("%s is shown as %s, want %s", data, got, want)
		}
	}
}
