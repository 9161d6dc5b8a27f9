package server

import (
	"context"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/keyring"
	"github.com/aeriehq/aerie/events/people"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/workers/login"
)

// openWithin is how long the directory of people may take to open, and so the installation's keys.
const openWithin = 10 * time.Second

// readFiles reads whose word is taken about people, and what seals the installation's keys, before anything is started.
func (c *Control) readFiles(s Settings) (err error) {
	if err := c.readCallout(s); err != nil {
		return err
	}
	if c.keys.seal, err = keyring.ReadSeal(s.SealKeyFile, awsKMS()); err != nil {
		return err
	}
	if s.OIDC != "" {
		c.issuers, err = login.ReadSettings(s.OIDC)
	}
	return err
}

// startLogin lets in people on the word of issuers, if there are any.
func (c *Control) startLogin(Settings) error {
	if len(c.issuers.Issuers) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.core.ctx, openWithin)
	defer cancel()
	directory, err := people.Open(ctx, c.Conn, c.Log.Copies())
	if err != nil {
		return err
	}
	if c.login, err = login.New(c.issuers, directory, c.who, c.Intake.SubmitCommand); err != nil {
		return err
	}
	c.who.VouchedFor(c.login.Authenticate)
	c.core.running.Go(func() { c.login.Warm(c.core.ctx) })
	return nil
}

// offers are the issuers at which people log in.
func (c *Control) offers() []api.LoginOffer {
	all := []api.LoginOffer{}
	if c.login == nil {
		return all
	}
	for _, one := range c.login.Offers() {
		all = append(all, api.LoginOffer{Name: one.Name, Issuer: one.URL, ClientID: one.ClientID, Scopes: one.Scopes})
	}
	return all
}

// people lists who is in the directory of people.
func (c *Control) people(ctx context.Context) ([]api.Person, error) {
	all := []api.Person{}
	if c.login == nil {
		return all, nil
	}
	known, err := c.login.People(ctx)
	for _, p := range known {
		all = append(all, api.Person{Principal: p.Principal, Owner: p.Owner, Issuer: p.Issuer, Subject: p.Subject,
			Name: p.Name, Email: p.Email, Seen: p.Issued})
	}
	return all, err
}

// erase takes somebody out of it.
func (c *Control) erase(ctx context.Context, ref ev.Ref, actor string) error {
	if c.login == nil {
		return ev.Refuse(ev.NotFound, "the server keeps no names of people: it was started without --oidc")
	}
	return c.login.Erase(ctx, ref, actor)
}
