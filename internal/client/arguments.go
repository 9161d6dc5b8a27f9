package client

import (
	"fmt"

	"github.com/aeriehq/aerie/events"
	"github.com/spf13/cobra"
)

// UnknownCommand names the nearest command of those below cmd.
func UnknownCommand(cmd *cobra.Command, word string) error {
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			known = append(known, c.Name())
		}
	}
	return Invalid("command", "%q is no command of %s%s", events.Truncate(word), cmd.CommandPath(), events.Suggest(word, known))
}

// Invalid is a refusal with one fault.
func Invalid(field, format string, args ...any) error {
	return events.RefuseFaults("arguments", []events.FieldError{{Field: field, Message: fmt.Sprintf(format, args...)}})
}

// NoArgs refuses words that belong to nothing.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Invalid("arguments", "%q is one too many", events.Truncate(args[0]))
	}
	return nil
}
