// Command aerie is the whole product in one binary: the server, and the command
// line that talks to it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/aeriehq/aerie/internal/cli"

	_ "golang.org/x/crypto/x509roots/fallback" // in an image that has no certificates of authorities
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
