package workers

import (
	"context"
	"fmt"
	"strings"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
)

// cloudOf finds the cloud of an account.
func (t *task) cloudOf(a ev.CloudAccount) (Cloud, error) {
	c, ok := t.clouds[a.Cloud]
	if !ok {
		return c, &cloud.Error{Class: cloud.Invalid, Op: t.Effect, Code: "UnknownCloud", Message: fmt.Sprintf("this server works in no cloud called %q", a.Cloud)}
	}
	return c, nil
}

// scope is where the calls of a site's effect work.
func scope(s ev.Site) cloud.Scope {
	return cloud.Scope{Account: accountOf(s.Account), Region: s.Region}
}

func accountOf(a ev.CloudAccount) cloud.Account {
	return cloud.Account{ID: a.Number, Role: a.Role, ExternalID: a.ExternalID}
}

// identity reads an owner mark.
func identity(mark string) cloud.Identity {
	p := append(strings.SplitN(mark, "/", 4), "", "", "", "")
	return cloud.Identity{Owner: p[0], Kind: p[1], ID: p[2], UID: p[3]}
}

func verifyAccount(ctx context.Context, t *task) result {
	e, err := args[ev.VerifyAccount](t)
	if err != nil {
		return result{err: err}
	}
	c, err := t.cloudOf(e.Account)
	if err != nil {
		return result{err: err}
	}
	if err := t.call("Check", func() error { return c.Check(ctx, accountOf(e.Account)) }); err != nil {
		return result{err: err}
	}
	return result{outcome: ev.Verified{}}
}
