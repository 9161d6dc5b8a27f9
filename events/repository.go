package events

import (
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"path"
	"strings"
)

// RepositorySpec is a login for a repository of charts. The log has where the password is, and never the password.
type RepositorySpec struct {
	URL      string       `json:"url" required:"true" maxLength:"400" pattern:"^(https|oci)://[^@\\s]+$" doc:"The repository, https:// or oci://; the login is used there and below it, and nowhere else"`
	Username string       `json:"username,omitempty" maxLength:"200" doc:"Who comes in; no secret"`
	Password SecretSource `json:"password" required:"true" doc:"Where the password or the token is"`
	CABundle string       `json:"caBundle,omitempty" maxLength:"65536" doc:"The certificates of its authority, PEM in base64; empty: those of the system"`
}

// Repository is the kind of logins for repositories of charts.
const Repository Kind = "repository"

var repositoryKind = Descriptor{
	Kind: Repository, Plural: "repositories", Doc: "a login for a repository of charts, whose password is in a store of secrets",
	Spec: RepositorySpec{}, Verbs: CommonVerbs(),
	Access: Access{ForCustomers: true},
}

// Kind is Repository.
func (RepositorySpec) Kind() Kind { return Repository }

// Check asks for a store that a login can have, and for certificates that can be read.
func (s RepositorySpec) Check() (faults []FieldError) {
	if s.Password.SecretRef.Store == StoreOfTenant {
		faults = append(faults, FieldError{"spec.password.secretRef.store", "tenant is a store of a tenant's applications alone: want one that an operator has named"})
	}
	if _, readable := s.Authorities(); !readable {
		faults = append(faults, FieldError{"spec.caBundle", "want certificates, PEM in base64, as base64 -w0 ca.pem writes them"})
	}
	return faults
}

// Authorities are the certificates of the repository's authority, as PEM; empty: those of the system. It is false if they can't
// be read.
func (s RepositorySpec) Authorities() (pem string, readable bool) {
	data, err := base64.StdEncoding.DecodeString(s.CABundle)
	return string(data), err == nil && (len(data) == 0 || x509.NewCertPool().AppendCertsFromPEM(data))
}

// Serves tells whether the login is for charts of a repository: the URL itself, or what is below it. A path that leads up again
// is below nothing.
func (s RepositorySpec) Serves(repository string) bool {
	u, err := url.Parse(repository)
	if err != nil || u.Path != "" && path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/" {
		return false
	}
	return repository == s.URL || strings.HasPrefix(repository, strings.TrimSuffix(s.URL, "/")+"/")
}

// LoginRef is the repository of an owner that a chart's credentials name. There need not be one: the login may be a file of
// the server's.
func LoginRef(owner, credentials string) Ref {
	return Ref{Kind: Repository, Owner: owner, ID: credentials}
}
