// Package deploy holds what the server brings along to be installed: its own Helm charts, embedded
// into the program.
//
// It installs nothing, and it does not hold the offers beside it, which are files for people. Begin
// with Charts. The charts are read-only and the same in every process of a build, so they may be read
// from any goroutine and nothing of them can be lost.
package deploy

import (
	"embed"
	"io/fs"
)

//go:embed all:charts
var charts embed.FS

// Charts are the server's own Helm charts, each a directory of its name.
func Charts() (fs.FS, error) { return fs.Sub(charts, "charts") }
