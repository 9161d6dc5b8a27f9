package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// demoSpeed makes the simulated cloud do a minute's work in a second: a dataplane
// takes a quarter of a minute, long enough to watch.
const demoSpeed = 60

// demo is `aerie demo`: a server in a directory of its own, with an offer applied.
type demo struct {
	dir     string // of manifests
	exit    bool
	timeout time.Duration
	out     io.Writer
}

func newDemoCommand() *cobra.Command {
	d := demo{}
	cmd := &cobra.Command{
		Use:   "demo [DIR]",
		Short: "Run a control plane in a temporary directory and apply an offer to it",
		Long: "Run a control plane in a temporary directory, on the default ports or on free ones where these are\n" +
			"taken, apply the manifests of DIR (default deploy/offers/shared) and wait until every tenant is Active and\n" +
			"every application Deployed. It serves until Ctrl-C; then the directory is removed.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d.dir, d.out = "deploy/offers/shared", cmd.OutOrStdout()
			if len(args) == 1 {
				d.dir = args[0]
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&d.exit, "exit", false, "end as soon as everything is as wanted")
	cmd.Flags().DurationVar(&d.timeout, "timeout", 2*time.Minute, "how long that may take")
	return cmd
}

// run is the whole demo. Ctrl-C is a good end; ctx ends with it.
func (d demo) run(ctx context.Context) (err error) {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	docs, faults, err := manifest.Read(events.Builtin, []string{d.dir}, nil)
	if err == nil {
		err = manifest.Refuse(faults)
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "aerie-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := server.Start(server.Settings{DataDir: dir, HTTP: freeAddress(listenHTTP), NATS: freeAddress(listenNATS), SimSpeed: demoSpeed})
	if err != nil {
		return server.NotStarted(err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	err = d.show(ctx, c, dir, docs)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil || d.exit {
		return err
	}
	return c.Wait(ctx)
}

// show applies the offer and prints what came of it.
func (d demo) show(ctx context.Context, c *server.Control, dir string, docs []manifest.Manifest) error {
	cl, err := client.New(c.APIURL(), c.NATSURL(), c.Token)
	if err != nil {
		return err
	}
	defer cl.Close()
	applying, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	applied := manifest.Apply(applying, cl, docs, manifest.Options{Wait: true, Out: d.out})
	if applied == nil && !d.exit {
		fmt.Fprintln(d.out, "everything is as wanted; serving until Ctrl-C")
	}
	if ctx.Err() != nil {
		return nil
	}
	var tenant client.Entity
	for _, k := range []events.Kind{events.Tenant, events.Application} {
		all, err := cl.List(ctx, "/v1/"+k.Plural(), nil, 0)
		if err != nil {
			return errors.Join(applied, err)
		}
		fmt.Fprintln(d.out)
		if err := (&print.Listing{Kind: k, Format: print.Table, Screen: print.ScreenOf(d.out)}).List(d.out, all); err != nil {
			return errors.Join(applied, err)
		}
		if k == events.Tenant && len(all.Items) > 0 {
			_ = json.Unmarshal(all.Items[0], &tenant) // printed just now
		}
	}
	d.next(c, dir, tenant)
	return applied
}

// next prints where the server is and what to try, ready to be pasted.
func (d demo) next(c *server.Control, dir string, tenant client.Entity) {
	program, err := os.Executable()
	if err != nil {
		program = "aerie"
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, program); err == nil && len(rel) < len(program) {
			program = rel
		}
	}
	program = print.ShellWord(program)
	api := " --data-dir " + print.ShellWord(dir)
	bus := api
	if c.APIURL() != client.DefaultAPI {
		api += " --api-url " + c.APIURL()
	}
	if c.NATSURL() != client.DefaultNATS {
		bus += " --nats-url " + c.NATSURL()
	}
	ref := events.Ref{Kind: events.Tenant, Owner: tenant.Owner, ID: tenant.ID}
	fmt.Fprintf(d.out, "\nhttp: %s\nnats: %s\ndata: %s\n\n", c.APIURL(), c.NATSURL(), dir)
	fmt.Fprintf(d.out, "%s describe tenant %s%s\n", program, ref.Path(), api)
	fmt.Fprintf(d.out, "%s tail --after 0 --owner %s%s\n", program, ref.Owner, bus)
	fmt.Fprintf(d.out, "curl -H 'Authorization: Bearer %s' '%s/v1/tenants?phase=Active'\n", c.Token, c.APIURL())
}

// freeAddress is the address, or any free one of its host if it is taken.
func freeAddress(address string) string {
	l, err := net.Listen("tcp", address)
	if err == nil {
		_ = l.Close()
		return address
	}
	host, _, _ := net.SplitHostPort(address)
	return net.JoinHostPort(host, "0")
}
