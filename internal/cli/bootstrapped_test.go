package cli

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// TestSimcloudIsBootstrapped asks the accounts of a new emulated cloud for what the template makes: in both of them roles can
// be made, and only the customer's is entered by one.
func TestSimcloudIsBootstrapped(t *testing.T) {
	dir := t.TempDir()
	if err := ensureAccounts(dir); err != nil {
		t.Fatal(err)
	}
	accounts, err := core.ReadAccounts(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts {
		if len(a.Managed) != 1 || a.Managed[0].Path+a.Managed[0].Name != "/aerie/aerie-boundary" || len(a.Roles)+len(a.Users) != 1 {
			t.Errorf("%+v", a)
		}
	}
}
