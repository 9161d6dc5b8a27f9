package cli

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// completeWithin is how long a shell may be kept waiting for names.
const completeWithin = 2 * time.Second

// shells are those that completion knows.
var shells = []string{"bash", "zsh", "fish"}

func newCompletionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Write a completion script for a shell",
		Example:   "  source <(aerie completion bash)\n  aerie completion zsh > ~/.zfunc/_aerie\n  aerie completion fish > ~/.config/fish/completions/aerie.fish",
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return client.Invalid("shell", "want one%s", events.Suggest("", shells))
			}
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return client.Invalid("shell", "%q%s", events.Truncate(args[0]), events.Suggest(args[0], shells))
		},
	}
}

// completeKindAndID completes KIND, then ID.
func completeKindAndID(conn *client.Connection) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return kindNames(), cobra.ShellCompDirectiveNoFileComp
		}
		k, ok := events.KindOf(args[0])
		if !ok {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeID(conn, k)(cmd, args[1:], typed)
	}
}

// completeID completes an id with what the server has; nothing, silently, if it
// can't be asked.
func completeID(conn *client.Connection, k events.Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completeWithin)
		defer cancel()
		return ids(ctx, cmd, conn, k, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

func ids(ctx context.Context, cmd *cobra.Command, conn *client.Connection, k events.Kind, typed string) (names []string) {
	cl, err := conn.Client(cmd)
	if err != nil {
		return nil
	}
	defer cl.Close()
	cl.Hush()
	q := url.Values{}
	if owner, _, ok := strings.Cut(typed, "/"); ok {
		q.Set("owner", owner)
	}
	l, err := cl.List(ctx, "/v1/"+k.Plural(), q, client.PageSize)
	if err != nil {
		return nil
	}
	all, err := l.Entities()
	if err != nil {
		return nil
	}
	for _, e := range all {
		// A platform's thing without "-/": a shell would take that for a flag.
		name := strings.TrimPrefix(e.Ref().Path(), events.Platform+"/")
		if strings.HasPrefix(name, typed) {
			names = append(names, name)
		}
	}
	return names
}
