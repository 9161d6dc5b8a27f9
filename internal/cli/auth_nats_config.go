package cli

import (
	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events/eventlog/callout"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

// newNATSConfigCommand is `aerie auth nats-config`.
func newNATSConfigCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "nats-config",
		Short: "Print what NATS servers of yours need to ask aerie who comes in",
		Long: "Print the configuration with which your NATS servers ask aerie who comes in, so that tokens and keys work there too.\n" +
			"The output is no secret; the key file is. It is made if it does not exist. Start every replica with the same file:\n" +
			"aerie server --nats-url … --nats-callout-key FILE. The servers must serve aerie alone.",
		Example: "  aerie auth nats-config --key-file callout.key > callers.conf",
		Args:    client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return client.Invalid("--key-file", "is missing: want the file with the key, or in which to make one")
			}
			key, err := callout.ReadOrMakeKey(file)
			if err != nil {
				return client.Invalid("--key-file", "%v", err)
			}
			config, err := key.Configuration()
			if err != nil {
				return err
			}
			return print.Write(cmd.OutOrStdout(), []byte(config))
		},
	}
	cmd.Flags().StringVar(&file, "key-file", "", "file with the key; made if it is not there")
	return cmd
}
