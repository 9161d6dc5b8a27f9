// Package deploy holds what the server brings along to be installed.
package deploy

import (
	"embed"
	"io/fs"
)

//go:embed all:charts
var charts embed.FS

// Charts are the server's own Helm charts, each a directory of its name.
func Charts() (fs.FS, error) { return fs.Sub(charts, "charts") }
