package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/internal/cli/print"
	"github.com/aeriehq/aerie/internal/client"
)

func newRestoreCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "restore [--from DIR] --data-dir DIR",
		Short: "Put a backup in place, and begin a new epoch",
		Long: "Copy a backup to a directory that does not exist yet, and check that it is whole. The copy is made beside it, in\n" +
			"DATA-DIR.restoring, of which an earlier try is removed.\n\n" +
			"The server that starts there begins a new epoch: its log repeats sequences with other events, and clusters take what\n" +
			"it does for newer than anything before. An agent looks and makes what is new, and changes nothing else until somebody\n" +
			"accepts it (aerie agent accept).\n\n" +
			"Without --from it makes a directory for the first replica that is started on NATS servers of your own, where the\n" +
			"stream was restored.\n\n" +
			"Each flag is also a variable: AERIE_DATA_DIR is --data-dir.",
		Args: client.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), nil); err != nil {
				return err
			}
			epoch, err := restore(from, to, time.Now())
			if err != nil {
				return err
			}
			return print.Write(cmd.OutOrStdout(), fmt.Appendf(nil, "%s is ready: epoch %d begins when the server starts\n", to, epoch))
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the backup, which is not changed")
	cmd.Flags().StringVar(&to, "data-dir", "", "where to put it: a directory that is not there yet")
	return cmd
}

// restore makes a data directory of a backup. Until all of it is there, and on disk, it has another name: who is cut short
// begins anew, and nobody starts a server on half of it.
func restore(from, to string, now time.Time) (epoch uint64, err error) {
	switch {
	case to == "":
		return 0, client.Invalid("--data-dir", "is missing: where to put it?")
	case from != "" && !isFile(filepath.Join(from, "mark")):
		return 0, client.Invalid("--from", "%s is no data directory: there is no file mark in it", from)
	}
	to = filepath.Clean(to)
	if _, err := os.Lstat(to); err == nil {
		return 0, client.Invalid("--data-dir", "%s is there: move it away first", to)
	}
	release, err := filestore.KeepStill(from)
	if err != nil {
		return 0, client.Invalid("--from", "%v", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	part := to + ".restoring"
	if inside, err := within(part, from); err != nil || inside {
		return 0, client.Invalid("--data-dir", "%s would be made in the backup, or over it: choose another place", part)
	}
	err = errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o700))
	if err == nil && from != "" {
		err = copyWhole(part, from)
	}
	if err == nil {
		epoch, err = filestore.BeginEpoch(part, now)
	}
	if err == nil {
		err = os.Rename(part, to)
	}
	if err == nil {
		err = filestore.SyncDir(filepath.Dir(to))
	}
	if err != nil {
		return 0, fmt.Errorf("restore %s: %w", to, err)
	}
	return epoch, nil
}

// within tells whether a path, which need not be there, is in a directory or is it; in none if that has no name.
func within(path, dir string) (bool, error) {
	if dir == "" {
		return false, nil
	}
	dir, err := resolved(dir)
	if err != nil {
		return false, err
	}
	parent, err := resolved(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	relative, err := filepath.Rel(dir, filepath.Join(parent, filepath.Base(path)))
	return err == nil && filepath.IsLocal(relative), err
}

// resolved is a path from the root, without links if it is there.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return real, err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// copyWhole copies a data directory, has it on disk, and looks whether all is in it that was acknowledged.
func copyWhole(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	if err := filepath.WalkDir(to, settle); err != nil {
		return err
	}
	g, err := filestore.Open(to)
	if err != nil {
		return err
	}
	return g.Release()
}

// settle makes what was copied its owner's alone, and durable.
func settle(path string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if d.IsDir() {
		return errors.Join(os.Chmod(path, 0o700), filestore.SyncDir(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
}
