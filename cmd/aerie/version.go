package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what this binary was built from.
type version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
}

func thisVersion() version {
	v := version{Version: "(devel)", Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = or(info.Main.Version, v.Version)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func newVersionCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show what this binary was built from",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			v := thisVersion()
			if o.format != asTable {
				raw, err := json.Marshal(v)
				if err != nil {
					return fmt.Errorf("encode the version: %w", err)
				}
				return writeRaw(cmd.OutOrStdout(), o.format, raw)
			}
			changed := ""
			if v.Modified {
				changed = ", with changes"
			}
			return write(cmd.OutOrStdout(), fmt.Appendf(nil, "aerie %s (commit %s%s, %s)\n", v.Version, v.Commit, changed, v.Go))
		},
	}
	o.flags(cmd, asTable, asJSON, asYAML)
	return cmd
}
