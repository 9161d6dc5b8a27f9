package aws

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signature is what a request says of its own signing.
type signature struct {
	key, region, service string
	headers              []string
	token                string // of a session
	at                   time.Time
	given                string // the whole Authorization header, or the X-Amz-Signature of a presigned URL
}

const signDate = "20060102T150405Z"

var errUnsigned = errors.New("the request is not signed as AWS4-HMAC-SHA256 with a credential, signed headers and a date")

// readSignature reads the Authorization header.
func readSignature(r *http.Request) (s signature, err error) {
	given := r.Header.Get("Authorization")
	rest, ok := strings.CutPrefix(given, "AWS4-HMAC-SHA256 ")
	if !ok {
		return s, errUnsigned
	}
	parts := map[string]string{}
	for _, p := range strings.Split(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		parts[k] = v
	}
	s = signature{token: r.Header.Get("X-Amz-Security-Token"), given: given}
	return s, s.fill(parts["Credential"], parts["SignedHeaders"], r.Header.Get("X-Amz-Date"))
}

func (s *signature) fill(credential, headers, date string) (err error) {
	scope := strings.Split(credential, "/")
	if s.at, err = time.Parse(signDate, date); err != nil || len(scope) != 5 || headers == "" {
		return errUnsigned
	}
	s.key, s.region, s.service, s.headers = scope[0], scope[2], scope[3], strings.Split(headers, ";")
	return nil
}

// signs says whether the signature is what a secret makes of the request: it is signed once more, with the SDK's own
// signer, over the headers that were signed.
func (s signature) signs(r *http.Request, body []byte, secret string) bool {
	again, err := s.request(r.Method, "https://"+r.Host+r.URL.RequestURI(), r.Header)
	if err != nil {
		return false
	}
	again.ContentLength = r.ContentLength
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(context.Background(), s.credentials(secret), again, hex.EncodeToString(sum[:]), s.service, s.region, s.at)
	return err == nil && hmac.Equal([]byte(again.Header.Get("Authorization")), []byte(s.given))
}

func (s signature) credentials(secret string) aws.Credentials {
	return aws.Credentials{AccessKeyID: s.key, SecretAccessKey: secret, SessionToken: s.token}
}

// request has the signed headers and no other.
func (s signature) request(method, target string, headers http.Header) (*http.Request, error) {
	again, err := http.NewRequest(method, target, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range s.headers {
		if name != "host" {
			for _, v := range headers.Values(name) {
				again.Header.Add(name, v)
			}
		}
	}
	return again, nil
}

// emptySum is the SHA-256 of nothing.
const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// readPresigned reads the query of a presigned URL.
func readPresigned(q url.Values) (s signature, err error) {
	if q.Get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" {
		return s, errUnsigned
	}
	s = signature{token: q.Get("X-Amz-Security-Token"), given: q.Get("X-Amz-Signature")}
	return s, s.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Date"))
}

// presigns is signs for the presigned URL that a request has.
func (s signature) presigns(r *http.Request, secret string) bool {
	bare := *r.URL
	if bare.Host == "" { // of a request that a server got
		bare.Scheme, bare.Host = "https", r.Host
	}
	q := bare.Query()
	for _, added := range []string{"X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Security-Token"} {
		q.Del(added)
	}
	bare.RawQuery = q.Encode()
	again, err := s.request(http.MethodGet, bare.String(), r.Header)
	if err != nil {
		return false
	}
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), s.credentials(secret), again, emptySum, s.service, s.region, s.at)
	if err != nil {
		return false
	}
	got, err := url.Parse(signed)
	return err == nil && hmac.Equal([]byte(got.Query().Get("X-Amz-Signature")), []byte(s.given))
}
