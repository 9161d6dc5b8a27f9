package cli

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/internal/cli/print"
)

// fitHelp has the help of a command, and of all below it, fit the terminal that it is shown on. What is no terminal gets
// it as it is written.
func fitHelp(root *cobra.Command) {
	write := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		out := cmd.OutOrStdout()
		width := print.ScreenOf(out).Width
		if width == 0 {
			write(cmd, args)
			return
		}
		var text bytes.Buffer
		cmd.SetOut(&text)
		write(cmd, args)
		cmd.SetOut(out)
		fmt.Fprint(out, print.Fold(text.String(), width))
	})
}
