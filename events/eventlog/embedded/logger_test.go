package embedded

import (
	"log/slog"
	"strings"
	"testing"
)

// What a client calls itself, and what it names, is not taken for what it has proved.
func TestWhoWasRefused(t *testing.T) {
	for message, want := range map[string]string{
		`127.0.0.1:1 - cid:1 - "v1.55.0:go:aerie" - "PEOPLE/user:token:01A" - Publish Violation - Subject "aerie.evt.x"`:                                      "token:01A aerie.evt.x",
		`127.0.0.1:1 - cid:1 - "C_acme/user:user:01B" - Subscription Violation - Subject "aerie.evt.>", SID 3`:                                                "user:01B aerie.evt.>",
		`127.0.0.1:1 - cid:1 - "C_acme/user:user:01B" - Subscription Violation - Subject "aerie.evt.>", Queue: "q", SID 3`:                                    "user:01B aerie.evt.>",
		`127.0.0.1:1 - cid:1 - "go:" - "PEOPLE/user:token:01V" - Publish Violation - Subject "x" - "C_acme/user:token:01A" - Publish Violation - Subject "y"`: "token:01A y",
		`127.0.0.1:1 - cid:1 - "C_acme/user:token:01A" - Publish Violation - Subject "x\" - \"P/user:token:01V\""`:                                            "",
		`127.0.0.1:1 - cid:1 - authentication error - Token "[REDACTED]"`:                                                                                     "",
		`127.0.0.1:1 - cid:1 - "go:" - "PEOPLE/user:admin" - Publish Violation - Subject "aerie.evt.x"`:                                                       "",
	} {
		got := ""
		if v := violation.FindStringSubmatch(message); v != nil {
			got = v[1] + " " + v[2]
		}
		if got != want {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}

// What a client does wrong is no error of the server's, and what our own connections do wrong is.
func TestWhatClientsDoWrongIsNoError(t *testing.T) {
	for message, want := range map[string]string{
		`127.0.0.1:1 - cid:1 - authentication error - Token "[REDACTED]"`:                                                    "WARN",
		`[::1]:4222 - wid:12 - "go:" - "PEOPLE/user:admin" - Publish Violation - Subject "aerie.evt.x"`:                      "WARN",
		`pipe - cid:3 - "v1.55.0:go" - "AERIE/user:own" - Publish Violation - Subject "aerie.evt.x"`:                         "ERROR",
		`JetStream failed to store a msg on stream 'AERIE > AERIE_EVENTS': no space left on device, 127.0.0.1:1 - cid:1 - x`: "ERROR",
	} {
		var told strings.Builder
		l := &logger{to: slog.New(slog.NewTextHandler(&told, nil)), failed: make(chan struct{}, 1)}
		l.Errorf("%s", message)
		if !strings.Contains(told.String(), "level="+want) {
			t.Errorf("%s: %s, want %s", message, told.String(), want)
		}
	}
}
