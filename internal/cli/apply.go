package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/client"
)

func newApplyCommand() *cobra.Command {
	var conn client.Connection
	var p client.WaitFlags
	var files []string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Create and update what manifests describe",
		Long: `Create and update what manifests describe. All documents are checked first; if
there is any fault, all are told and nothing is sent. Applying twice sends
nothing the second time. Nothing is ever deleted. Labels and spec are replaced
whole: what a document leaves out gets its default, and labels go. What is going
away is refused; with --wait it is made anew when it is gone. --wait goes on as long
as there is progress, and exits 0 only if everything is there as wanted.`,
		Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withManifests(cmd, &conn, &p, files, func(ctx context.Context, cl *client.Client, docs []manifest.Manifest) error {
				return manifest.Apply(ctx, cl, docs, manifest.Options{Wait: p.Wait, DryRun: dryRun, Out: cmd.OutOrStdout()})
			})
		},
	}
	conn.Flags(cmd)
	p.Flags(cmd)
	fileFlag(cmd, &files)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "let the server decide without changing anything")
	return cmd
}

func fileFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "filename", "f", nil, "a file, a directory with *.yaml and *.yml, or - for standard input; repeatable")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml") // fails only for a flag that is not there
}

// withManifests does something with manifests that have no faults, within the
// command's patience.
func withManifests(cmd *cobra.Command, conn *client.Connection, p *client.WaitFlags, files []string,
	do func(context.Context, *client.Client, []manifest.Manifest) error) error {
	ctx, cancel, err := p.Bound(cmd.Context())
	if err != nil {
		return err
	}
	defer cancel()
	cl, docs, err := prepare(ctx, cmd, conn, files)
	if err != nil {
		return err
	}
	defer cl.Close()
	return do(ctx, cl, docs)
}

// prepare reads the manifests. If they have faults the references of the others
// are looked up too, once, so that all faults are told together.
func prepare(ctx context.Context, cmd *cobra.Command, conn *client.Connection,
	files []string) (*client.Client, []manifest.Manifest, error) {
	docs, faults, err := manifest.Read(kindsOf(cmd), files, cmd.InOrStdin())
	if err != nil {
		return nil, nil, err
	}
	cl, err := conn.Client(cmd)
	if err != nil && len(faults) == 0 {
		return nil, nil, err
	}
	if len(faults) == 0 {
		return cl, docs, nil
	}
	if err == nil {
		defer cl.Close()
		faults = append(faults, manifest.MissingReferences(ctx, cl, docs)...)
	}
	return nil, nil, manifest.Refuse(faults)
}
