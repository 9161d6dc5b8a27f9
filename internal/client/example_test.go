package client_test

import (
	"fmt"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// A command is a message. Any NATS client can send it; with the same id it is done once, however often it is sent.
func ExampleCommand_Message() {
	prod := events.Ref{Kind: events.Tenant, Owner: "acme", ID: "prod"}
	msg := client.Command{Ref: prod, Verb: "retry", UID: "01J8ZQ6M3N4P5R6S7T8V9W0X1Y"}.Message("my-id-1")
	fmt.Println(msg.Subject)
	fmt.Println(msg.Header.Get("Nats-Msg-Id"), msg.Header.Get("Aerie-Expected-Uid"))
	// Output:
	// aerie.cmd.acme.tenant.prod.retry
	// my-id-1 01J8ZQ6M3N4P5R6S7T8V9W0X1Y
}

// Each error of a client has the exit code of the program, by the code of the refusal.
func ExampleExitCode() {
	fmt.Println(client.ExitCode(nil))
	fmt.Println(client.ExitCode(events.Refuse(events.NotFound, "there is no tenant acme/prod")))
	fmt.Println(client.ExitCode(client.Invalid("--limit", "-1: want 0 or more")))
	// Output:
	// 0
	// 4
	// 2
}
