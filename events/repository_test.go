package events_test

import (
	"testing"

	"github.com/aeriehq/aerie/events"
)

// A login is used at its repository and below it, however a path is written.
func TestWhereALoginIsUsed(t *testing.T) {
	login := events.RepositorySpec{URL: "oci://registry.example.com/acme"}
	for repository, serves := range map[string]bool{
		"oci://registry.example.com/acme":               true,
		"oci://registry.example.com/acme/charts":        true,
		"oci://registry.example.com/acme/charts/":       true,
		"oci://registry.example.com/acme2":              false,
		"oci://registry.example.com/":                   false,
		"https://registry.example.com/acme":             false,
		"oci://registry.example.com.evil/acme":          false,
		"oci://registry.example.com/acme/../birch":      false,
		"oci://registry.example.com/acme/%2e%2e/birch":  false,
		"oci://registry.example.com/acme/x/..%2F..%2Fz": false,
		"oci://registry.example.com/acme/%zz":           false,
	} {
		if login.Serves(repository) != serves {
			t.Errorf("%s: want %t", repository, serves)
		}
	}
}
