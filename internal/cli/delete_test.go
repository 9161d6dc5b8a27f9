package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/internal/client"
)

// printed is what a command printed and how it ended.
type printed struct {
	out, err string
	code     int
}

// TestDelete ends customers from the command line, against a whole control plane.
func TestDelete(t *testing.T) {
	c := startTestControl(t)
	cli := func(args ...string) printed {
		t.Helper()
		var out, errs bytes.Buffer
		args = append(args, "--api-url", c.APIURL(), "--token", c.Token)
		if args[0] != "get" {
			args = append(args, "--nats-url", c.NATSURL())
		}
		code := Run(t.Context(), args, strings.NewReader(""), &out, &errs)
		return printed{out.String(), errs.String(), code}
	}
	if s := cli("apply", "-f", "../../deploy/offers/shared", "--wait"); s.code != 0 {
		t.Fatalf("%+v", s)
	}
	if s := cli("delete", "customer", "elm"); s.code != client.ExitRefused || !strings.Contains(s.err, "tenant elm/campus") || !strings.Contains(s.err, "cascade") {
		t.Errorf("what is in the way is named: %+v", s)
	}
	if s := cli("delete", "dataplane", "eu", "--cascade", "--dry-run"); s.code != 0 || !strings.Contains(s.out, "with it tenant acorn/prod\n") || !strings.Contains(s.out, "with it tenantinfra") {
		t.Errorf("a dataplane takes along what is on it: %+v", s)
	}
	if s := cli("delete", "customer", "elm", "--cascade", "--dry-run"); s.code != 0 || !strings.Contains(s.out, "with it tenant elm/campus\n") {
		t.Errorf("%+v", s)
	}
	if s := cli("get", "tenants", "--owner", "elm", "-o", "name"); s.out != "elm/campus\nelm/library\n" {
		t.Errorf("after a dry run: %+v", s)
	}
	if s := cli("delete", "customer", "elm", "--cascade", "--wait"); s.code != 0 || !strings.Contains(s.out, "Closed") {
		t.Errorf("%+v", s)
	}
	if s := cli("get", "tenants", "--owner", "elm", "-o", "name"); s.out != "" {
		t.Errorf("what has ended is not listed: %+v", s)
	}
	if s := cli("get", "tenants", "--owner", "elm", "--phase", "Deleted", "-o", "name"); s.out != "elm/campus\nelm/library\n" {
		t.Errorf("unless it is asked for: %+v", s)
	}
	if s := cli("get", "tenant", "elm/campus", "-o", "json"); s.code != 0 || !strings.Contains(s.out, `"Deleted"`) {
		t.Errorf("and it stays readable: %+v", s)
	}
	if s := cli("tenant", "delete", "elm/campus"); s.code != client.ExitNotFound {
		t.Errorf("deleted twice: %+v", s)
	}
	if s := cli("apply", "-f", "../../deploy/offers/shared", "--wait"); s.code != 0 || strings.Count(s.out, ": created")+strings.Count(s.out, " created") < 5 {
		t.Errorf("the name is used again: %+v", s)
	}
}
