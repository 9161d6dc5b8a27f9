package secrets

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ev "github.com/aeriehq/aerie/events"
)

// testStores are a file store of acme's and one of the platform's, an environment of birch's and a Vault of acme's.
func testStores(t *testing.T) *Stores {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{"files/acme/db/password": "of-acme\n", "files/birch/db/password": "of-birch", "files/root": "x", "outside/password": "outside"} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(value), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(filepath.Join(dir, "outside"), filepath.Join(dir, "files/acme/link")), os.Symlink("../birch", filepath.Join(dir, "files/acme/near"))); err != nil {
		t.Fatal(err)
	}
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Vault-Token") != "vault-token":
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("vault-token was wanted"))
		case r.URL.Path == "/v1/kv/data/apps/acme/db":
			_, _ = w.Write([]byte(`{"data":{"data":{"password":"of-vault","n":1}}}`))
		case r.URL.Path == "/v1/kv/data/apps/acme/elsewhere":
			http.Redirect(w, r, "https://example.com/", http.StatusFound)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(vault.Close)
	t.Setenv("TEST_VAULT_TOKEN", "vault-token")
	t.Setenv("TEST_SECRET_DB__PASSWORD", "of-env")
	t.Setenv("TEST_SECRET_DB_A__PASSWORD", "of-env-a")
	s, err := New(Config{Stores: []Store{
		{Name: "files", File: &Files{Dir: filepath.Join(dir, "files")}, Serves: []Grant{{Owner: "acme", Names: []string{"acme/*"}}, {Owner: ev.Platform, Names: []string{"**"}}}},
		{Name: "env", Env: &Env{Prefix: "TEST_SECRET_"}, Serves: []Grant{{Owner: "birch", Names: []string{"*"}}}},
		{Name: "vault", Vault: &Vault{Address: vault.URL, Mount: "kv", TokenEnv: "TEST_VAULT_TOKEN"}, Serves: []Grant{{Owner: "acme", Names: []string{"apps/acme/**"}}}},
		{Name: "shut", Vault: &Vault{Address: vault.URL, Mount: "kv", TokenEnv: "TEST_SECRET_DB__PASSWORD"}, Serves: []Grant{{Owner: "acme", Names: []string{"**"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoresRead(t *testing.T) {
	s := testStores(t)
	for _, row := range []struct{ owner, ref, want string }{
		{"acme", "files/acme/db#password", "of-acme"},
		{"-", "files/birch/db#password", "of-birch"},
		{"birch", "env/db#password", "of-env"},
		{"birch", "env/db-a#password", "of-env-a"},
		{"acme", "vault/apps/acme/db#password", "of-vault"},
	} {
		got, err := s.Read(t.Context(), row.owner, refOf(row.ref))
		if err != nil || got != row.want {
			t.Errorf("%s of %s: %q %v", row.ref, row.owner, got, err)
		}
	}
}

// TestHostileReferences: whoever is not served learns nothing, not even whether there is such a store.
func TestHostileReferences(t *testing.T) {
	s := testStores(t)
	for _, row := range []struct {
		owner, ref string
		want       error
	}{
		{"birch", "files/acme/db#password", ErrNotServed}, // another's
		{"acme", "files/birch/db#password", ErrNotServed},
		{"acme", "env/db#password", ErrNotServed}, // the server's environment
		{"acme", "nosuch/acme/db#password", ErrNotServed},
		{"", "files/acme/db#password", ErrNotServed},
		{"-", "vault/apps/acme/db#password", ErrNotServed},
		{"acme", "files/acme/db/deeper#password", ErrNotServed}, // * is one part
		{"acme", "files/acme/db#nosuch", ErrAbsent},
		{"acme", "files/acme/nosuch#password", ErrAbsent},
		{"-", "files/acme#db", ErrAbsent}, // a directory
		{"birch", "env/db__password#x", ErrAbsent},
		{"birch", "env/DB#password", ErrAbsent},
		{"acme", "vault/apps/acme/nosuch#password", ErrAbsent},
		{"acme", "vault/apps/acme/db#n", ErrAbsent},
		{"acme", "files/acme/link#password", nil},    // a link that leads out of the directory
		{"acme", "vault/apps/acme/elsewhere#x", nil}, // a redirection, with the token
		{"acme", "shut/apps/acme/db#password", nil},  // Vault says no
	} {
		got, err := s.Read(t.Context(), row.owner, refOf(row.ref))
		if got != "" || err == nil || row.want != nil && !errors.Is(err, row.want) {
			t.Errorf("%s of %q: %q %v", row.ref, row.owner, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "vault-token") {
			t.Error(err)
		}
	}
	var none *Stores
	if _, err := none.Read(t.Context(), "acme", refOf("files/acme/db#password")); !errors.Is(err, ErrNotServed) {
		t.Error(err)
	}
}

func refOf(text string) ev.SecretRef {
	store, rest, _ := strings.Cut(text, "/")
	name, key, _ := strings.Cut(rest, "#")
	return ev.SecretRef{Store: store, Name: name, Key: key}
}

func TestStoresThatAreWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stores.yaml")
	for text, want := range map[string]string{
		"stores: [{name: tenant, env: {prefix: ABC_}}]":                                                "every tenant has",
		"stores: [{name: a}]":                                                                          "give one of",
		"stores: [{name: a, env: {prefix: ABC_}, file: {dir: /x}}]":                                    "give one of",
		"stores: [{name: a, env: {prefix: ''}}]":                                                       "prefix",
		"stores: [{name: a, file: {dir: x}}]":                                                          "from the root",
		"stores: [{name: a, vault: {address: 'http://vault:8200', mount: kv, tokenEnv: T}}]":           "https",
		"stores: [{name: a, file: {dir: /x}, serves: [{owner: acme}]}]":                                "names",
		"stores: [{name: a, file: {dir: /x}, serves: [{owner: acme, names: ['[']}]}]":                  "pattern",
		"stores: [{name: a, file: {dir: /x}, sevres: []}]":                                             "sevres",
		"stores: [{name: a, file: {dir: /x}}, {name: a, file: {dir: /y}}]":                             "two of the name",
		"stores: [{name: a, vault: {address: 'https://u:p@vault:8200', mount: kv, tokenEnv: T}}]":      "https",
		"stores: [{name: a, vault: {address: 'https://vault', mount: kv, tokenEnv: T, tokenFile: f}}]": "one of",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestKnownSecretsAreHidden(t *testing.T) {
	var k Known
	k.Add("p\"ss w\\rd/1")
	k.Add("line one of it\nline two of it")
	k.Add("abc")
	said := `bad "p\"ss w\\rd/1", p"ss w\rd/1, cCJzcyB3XHJkLzE=, p%22ss+w%5Crd%2F1; in: line two of it; abc`
	if got := k.Hide(said); got != `bad "[secret]", [secret], [secret], [secret]; in: [secret]; abc` {
		t.Error(got)
	}
}
