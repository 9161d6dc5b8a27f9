package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// A whole control plane in this process, on free ports and a simulated cloud that does all at once; and a client that gives
// it commands and reads what came of them.
func Example() {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	dir, err := os.MkdirTemp("", "aerie-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	control, err := server.Start(server.Settings{DataDir: dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer control.Close()
	aerie, err := client.New(control.APIURL(), control.NATSURL(), control.Token)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer aerie.Close()

	acme := events.Ref{Kind: events.Customer, Owner: "acme", ID: "acme"}
	answer, err := aerie.Send(context.Background(), client.Command{Ref: acme, Verb: events.VerbCreate, Body: []byte(`{"spec":{"displayName":"Acme"}}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Events[0].Type, "is event", answer.Seq, "of the log")
	seen, err := aerie.Entity(context.Background(), acme, answer.Seq) // as new as the answer, at least
	fmt.Println(seen.Ref(), "is", seen.Phase, err)
	_, err = aerie.Send(context.Background(), client.Command{Ref: acme, Verb: "delet"})
	fmt.Println(err, "- exit code", client.ExitCode(err))
	// Output:
	// created is event 1 of the log
	// customer acme is Active <nil>
	// invalid: command: 1 fault (verb: a customer has no verb "delet"; did you mean "delete"?) - exit code 2
}
