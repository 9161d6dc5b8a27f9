package server

import (
	"regexp"
	"testing"
)

// TestSemver is a version that NATS services take, and that tells builds apart.
func TestSemver(t *testing.T) {
	form := regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	for _, tt := range []struct {
		of   Version
		want string
	}{
		{Version{Version: "v1.2.3"}, "1.2.3"},
		{Version{Version: "v1.2.3-4-gabcdef0-dirty"}, "1.2.3-4-gabcdef0-dirty"},
		{Version{Version: "v0.0.0-dev.20261129075300+abcdef0"}, "0.0.0-dev.20261129075300+abcdef0"},
		{Version{Version: "(devel)", Commit: "0123456789abcdef"}, "0.0.0-dev+0123456789ab"},
		{Version{Version: "(devel)", Commit: notKnown}, "0.0.0-dev"},
	} {
		if got := semver(tt.of); got != tt.want || !form.MatchString(got) {
			t.Errorf("%+v: %s, want %s", tt.of, got, tt.want)
		}
	}
}
