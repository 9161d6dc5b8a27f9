package server

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
)

// TestWhatStraysIntoTheOwnAccount: a message in aerie's own account of which nobody says who sent it commands nothing, reads
// nothing and reports nothing. Until now it was the local admin's.
func TestWhatStraysIntoTheOwnAccount(t *testing.T) {
	c := newControl(t)
	before := c.Views.AsOf().Seq
	for subject, want := range map[string]string{
		"aerie.cmd.acme.customer.acme.create":     `"code":"denied"`,
		"aerie.read.-.events":                     `"code":"denied"`,
		ev.ReportPrefix + "-.eu.tenant.acme.prod": "who asks is not known",
	} {
		for _, header := range []nats.Header{nil, {ev.HeaderRequestInfo: {"{}"}}, {ev.HeaderRequestInfo: {`{"acc":"","user":"admin"}`}}} {
			answer, err := c.Conn.RequestMsg(&nats.Msg{Subject: subject, Header: header, Data: []byte(`{}`)}, 10*time.Second)
			if err != nil || !strings.Contains(string(answer.Data), want) {
				t.Errorf("%s with %v: %v %s", subject, header, err, answer.Data)
			}
		}
	}
	if after := c.Views.AsOf().Seq; after != before {
		t.Errorf("the log is at %d, and was at %d", after, before)
	}
	admin, err := nats.Connect(c.NATSURL(), nats.Token(c.Token))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if answer := ask(t, admin, "aerie.cmd.acme.customer.acme.create", "", `{}`); errorCode(answer) != "" {
		t.Error(answer)
	}
}
