package kms_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/kms"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

const (
	mine   = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	other  = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
	theirs = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// rig is an emulated AWS with some keys.
type rig struct {
	*testing.T
	dir      string
	cloud    *aws.Server
	accounts []core.Account
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, dir: t.TempDir()}
	r.open()
	var err error
	if r.accounts, err = core.ReadAccounts(r.dir); err != nil {
		t.Fatal(err)
	}
	r.accounts[0].Keys = []core.Key{{ARN: mine}, {ARN: other}}
	r.accounts[1].Keys = []core.Key{{ARN: theirs}}
	r.write()
	return r
}

func (r *rig) open() {
	r.Helper()
	s, err := aws.Open(aws.Options{Dir: r.dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.Fatal(err)
	}
	r.cloud = s
	r.Cleanup(func() { _ = s.Close() })
}

func (r *rig) write() {
	r.Helper()
	if err := core.WriteAccounts(r.dir, r.accounts); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) keys() *kms.Keys {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(r.cloud.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	r.Cleanup(transport.CloseIdleConnections)
	u := r.accounts[0].Users[0]
	return kms.New(awssdk.Config{Region: "eu-west-1", BaseEndpoint: awssdk.String(r.cloud.URL()), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(u.AccessKeyID, u.SecretAccessKey, ""),
		Retryer:     func() awssdk.Retryer { return awssdk.NopRetryer{} }})
}

// TestDataKeys are opened by the key that has sealed them, for what they were made for, also by a cloud that was started again.
func TestDataKeys(t *testing.T) {
	r := newRig(t)
	clear, sealed, err := r.keys().Generate(t.Context(), mine, "ca")
	if err != nil || len(clear) != 32 || bytes.Contains(sealed, clear) {
		t.Fatal(clear, sealed, err)
	}
	if again, _, err := r.keys().Generate(t.Context(), mine, "ca"); err != nil || bytes.Equal(again, clear) {
		t.Error("two data keys are the same:", err)
	}
	if err := r.cloud.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	if opened, err := r.keys().Open(t.Context(), mine, "ca", sealed); err != nil || !bytes.Equal(opened, clear) {
		t.Error(opened, err)
	}
	for name, ask := range map[string]struct {
		key, about string
		sealed     []byte
	}{
		"for something else":  {mine, "hash", sealed},
		"with another key":    {other, "ca", sealed},
		"that was changed":    {mine, "ca", append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1)},
		"that was cut":        {mine, "ca", sealed[:5]},
		"that is none at all": {mine, "ca", []byte{0xff, 0xff, 1}},
	} {
		if _, err := r.keys().Open(t.Context(), ask.key, ask.about, ask.sealed); err == nil {
			t.Error("it is opened", name)
		}
	}
}

// TestKeysThatCannotBeUsed: each refusal names the key, and who may not use one is told apart from what passes.
func TestKeysThatCannotBeUsed(t *testing.T) {
	r := newRig(t)
	_, sealed, err := r.keys().Generate(t.Context(), mine, "ca")
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, key string, class cloud.Class, code string) {
		t.Helper()
		_, _, made := r.keys().Generate(t.Context(), key, "ca")
		_, opened := r.keys().Open(t.Context(), key, "ca", sealed)
		if key != mine {
			opened = made // another key's: it is judged for what it sealed
		}
		for _, err := range []error{made, opened} {
			var is *cloud.Error
			if !errors.As(err, &is) || is.Class != class || code != "" && is.Code != code || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	check("it is not there", strings.Replace(mine, "1234abcd", "00000000", 1), cloud.Unknown, "NotFoundException")
	r.accounts[0].Keys[0].Disabled = true
	r.write()
	check("it is disabled", mine, cloud.Unknown, "DisabledException")
	r.accounts[0].Keys[0].Disabled = false
	r.accounts[0].Users[0].Policies = []json.RawMessage{[]byte(`{"Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}`)}
	r.write()
	check("no right", mine, cloud.Denied, "AccessDeniedException")
	r.accounts[0].Users[0].Policies = []json.RawMessage{[]byte(`{"Statement": {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "` + mine + `"}}`)}
	r.write()
	if _, err := r.keys().Open(t.Context(), mine, "ca", sealed); err != nil {
		t.Error("the two rights of the documentation are not enough:", err)
	}
	check("another account's", theirs, cloud.Denied, "AccessDeniedException")
	r.accounts[1].Keys[0].Lets = []string{"arn:aws:iam::111122223333:user/aerie"}
	r.write()
	if _, _, err := r.keys().Generate(t.Context(), theirs, "ca"); err != nil {
		t.Error("another account's key that lets us:", err)
	}
	if err := r.cloud.Inject(emulator.Fault{Op: "kms:GenerateDataKey", Code: "KMSInternalException", Times: 1}, emulator.Fault{Op: "kms:Decrypt", Throttle: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.keys().Generate(t.Context(), mine, "ca"); cloud.ClassOf(err) != cloud.Retryable {
		t.Error(err)
	}
	if _, err := r.keys().Open(t.Context(), mine, "ca", sealed); cloud.ClassOf(err) != cloud.Throttled {
		t.Error(err)
	}
	if err := r.cloud.Close(); err != nil {
		t.Fatal(err)
	}
	check("AWS is away", mine, cloud.Retryable, "Unreachable")
}

func TestIsKey(t *testing.T) {
	for text, is := range map[string]bool{mine: true, other: true, strings.Replace(mine, "arn:aws:", "arn:aws-us-gov:", 1): true,
		"alias/aerie": false, strings.Replace(mine, ":key/", ":alias/", 1): false, mine + " ": false, "": false, "1234abcd-12ab-34cd-56ef-1234567890ab": false} {
		if kms.IsKey(text) != is {
			t.Errorf("%q: is a key: %t", text, !is)
		}
	}
}
