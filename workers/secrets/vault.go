package secrets

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Vault is a key/value engine, version 2, of HashiCorp Vault or OpenBao. One read is one GET, so it needs no client of theirs.
type Vault struct {
	Address   string `json:"address"`             // such as https://vault.example.com:8200
	Mount     string `json:"mount"`               // of the engine, such as secret
	Namespace string `json:"namespace,omitempty"` // of Vault Enterprise
	TokenFile string `json:"tokenFile,omitempty"` // read at each use: an agent of Vault's may renew it
	TokenEnv  string `json:"tokenEnv,omitempty"`  // or the variable that has it
	CAFile    string `json:"caFile,omitempty"`    // what the server shows is of; the system's if it is empty
}

// vaultWithin bounds one read.
const vaultWithin = 10 * time.Second

func (v *Vault) check() error {
	u, err := url.Parse(v.Address)
	if err != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) || u.Host == "" || u.User != nil {
		return errors.New("vault: address must be https://host:port; http:// on this machine alone")
	}
	if v.Mount == "" || (v.TokenFile == "") == (v.TokenEnv == "") {
		return errors.New("vault: give mount, and one of tokenFile and tokenEnv")
	}
	_, err = v.client()
	return err
}

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

func (v *Vault) client() (*http.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	if v.CAFile != "" {
		pem, err := os.ReadFile(v.CAFile)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("vault: %s is no file of certificates that can be read", v.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, Timeout: vaultWithin, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("a redirection") // the token is for this server
	}}, nil
}

func (v *Vault) token() (string, error) {
	if v.TokenEnv != "" {
		if token := os.Getenv(v.TokenEnv); token != "" {
			return token, nil
		}
		return "", errors.New("the variable with its token is empty")
	}
	data, err := os.ReadFile(v.TokenFile)
	if err != nil {
		return "", errors.New("the file with its token can't be read")
	}
	return strings.TrimSpace(string(data)), nil
}

// read asks for the newest version. What Vault says besides a status stays out of errors: it may quote what was asked.
func (v *Vault) read(ctx context.Context, name, key string) (string, error) {
	token, err := v.token()
	if err != nil {
		return "", err
	}
	client, err := v.client()
	if err != nil {
		return "", err
	}
	at, err := url.JoinPath(v.Address, "v1", v.Mount, "data", name)
	if err != nil {
		return "", errors.New("its address can't be made")
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", errors.New("its address can't be made")
	}
	q.Header.Set("X-Vault-Token", token)
	q.Header.Set("X-Vault-Request", "true")
	if v.Namespace != "" {
		q.Header.Set("X-Vault-Namespace", v.Namespace)
	}
	answer, err := client.Do(q)
	if err != nil {
		return "", errors.New("its Vault does not answer")
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return "", ErrAbsent
	default:
		return "", fmt.Errorf("its Vault answers with status %d", answer.StatusCode)
	}
	var body struct{ Data struct{ Data map[string]any } }
	if err := json.NewDecoder(io.LimitReader(answer.Body, 4*maxSecret)).Decode(&body); err != nil {
		return "", errors.New("its Vault answers with something else")
	}
	value, is := body.Data.Data[key].(string)
	if !is || len(value) > maxSecret {
		return "", ErrAbsent
	}
	return value, nil
}
