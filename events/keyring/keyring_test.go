package keyring

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/internal/natstest"
)

// line is a key that seals, as it stands in a file.
func line(of byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{of}, sealLength))
}

// none is no KMS.
var none = KMS{HasName: func(string) bool { return false }}

func sealOf(t *testing.T, lines ...string) *Seal {
	t.Helper()
	s, err := parseSeal(strings.Join(lines, "\n")+"\n", none)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReadSeal reads a file or a variable, and says no key that is wrong.
func TestReadSeal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seal")
	for text, says := range map[string]string{
		line(1) + "\n" + line(2) + "\n": "", "": "no key", "planted": "key 1", line(1) + "\n" + line(2)[4:]: "key 2",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSeal(file, none)
		if says == "" && (err != nil || len(s.keys) != 2) || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %v %v", text, s, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Error("the error says the key:", err)
		}
	}
	if s, err := ReadSeal("", none); s != nil || err != nil {
		t.Error("without any there is a seal:", s, err)
	}
	t.Setenv(Variable, line(1))
	if s, err := ReadSeal("", none); err != nil || len(s.keys) != 1 {
		t.Error("of the variable:", s, err)
	}
	if _, err := ReadSeal(file, none); err == nil {
		t.Error("both are taken")
	}
}

// TestRing has one key for all replicas, whoever came first, and nothing of it in clear; the seal is rotated, and a key erased.
func TestRing(t *testing.T) {
	server, token := natstest.Start(t)
	nc := natstest.Connect(t, server)
	open := func(s *Seal) *Ring {
		t.Helper()
		r, err := Open(t.Context(), nc, 1, s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	unsealed := open(nil)
	if held, err := unsealed.Holds(t.Context(), CA); held || err != nil || unsealed.Seals() {
		t.Fatal(held, err)
	}
	var replicas sync.WaitGroup
	taken := make([]string, 8)
	for i := range taken {
		replicas.Go(func() {
			secret, err := open(sealOf(t, line(1))).Take(t.Context(), CA, func() ([]byte, error) { return []byte("planted by " + line(byte(i))), nil })
			if err != nil {
				t.Error(err)
			}
			taken[i] = string(secret)
		})
	}
	replicas.Wait()
	for _, one := range taken {
		if one != taken[0] || !strings.HasPrefix(one, "planted by ") {
			t.Fatalf("the replicas have %q", taken)
		}
	}
	taking := func(s *Seal, want string) {
		t.Helper()
		secret, err := open(s).Take(t.Context(), CA, func() ([]byte, error) { return []byte("another"), nil })
		if string(secret) != want {
			t.Errorf("it is %q, want %q: %v", secret, want, err)
		}
		if want == "" && !errors.Is(err, ErrOtherSeal) {
			t.Error(err)
		}
	}
	taking(sealOf(t, line(2)), "")
	both := open(sealOf(t, line(2), line(1)))
	if all, err := both.List(t.Context()); err != nil || len(all) != 1 || all[0].Name != CA || all[0].Newest || all[0].Made.IsZero() {
		t.Error(all, err)
	}
	for _, want := range []int{1, 0} {
		if n, err := both.Reseal(t.Context()); n != want || err != nil {
			t.Errorf("%d are sealed anew, want %d: %v", n, want, err)
		}
	}
	taking(sealOf(t, line(2)), taken[0])
	taking(sealOf(t, line(1)), "")
	if n, err := open(sealOf(t, line(1))).Reseal(t.Context()); n != 0 || !errors.Is(err, ErrOtherSeal) {
		t.Error("under another seal:", n, err)
	}
	if held, err := unsealed.Holds(t.Context(), CA); !held || err != nil {
		t.Error("who has no seal does not know of it:", err)
	}
	notInClear(t, both, taken[0])
	admin, denied := natstest.Admin(t, server, token), make(chan string, 3)
	admin.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err.Error() })
	for _, subject := range []string{"STREAM.MSG.GET.KV_AERIE_KEYS", "DIRECT.GET.KV_AERIE_KEYS", "DIRECT.GET.KV_AERIE_KEYS.$KV.AERIE_KEYS.ca"} {
		if err := admin.Publish("$JS.API."+subject, nil); err != nil {
			t.Fatal(err)
		}
		if said := natstest.Receive(t, denied); !strings.Contains(said, subject) {
			t.Error(said)
		}
	}
	for _, there := range []bool{true, false} {
		if was, err := both.Erase(t.Context(), CA); was != there || err != nil {
			t.Error("erased:", was, err)
		}
	}
	taking(sealOf(t, line(2)), "another")
}

// notInClear looks through the stream of the bucket.
func notInClear(t *testing.T, r *Ring, secret string) {
	t.Helper()
	s, err := r.js.Stream(t.Context(), "KV_"+Bucket)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context())
	if err != nil || info.State.Msgs != 1 {
		t.Fatal("before the last one there are others:", info, err)
	}
	m, err := s.GetMsg(t.Context(), info.State.LastSeq)
	if err != nil || bytes.Contains(m.Data, []byte(secret)) || bytes.Contains(m.Data, []byte("planted")) {
		t.Error("it stands in clear:", err)
	}
}
