package server

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"
)

// Version is what this binary was built from.
type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
}

// described is what git describe said when the binary was built; the Makefile sets it, go install does not.
var described string

// notKnown stands for the commit where go build was told not to look: there is none to tell.
const notKnown = "not recorded"

// ThisVersion reads it from the binary.
func ThisVersion() Version {
	v := Version{Version: "(devel)", Commit: notKnown, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = cmp.Or(described, info.Main.Version, v.Version)
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

// Semver is the program's version as NATS services want it: without the v. What carries no version
// is one before 0.0.1 that names its commit.
func Semver() string { return semver(ThisVersion()) }

func semver(v Version) string {
	if plain, ok := strings.CutPrefix(v.Version, "v"); ok {
		return plain
	}
	if v.Commit != notKnown {
		return "0.0.0-dev+" + v.Commit[:min(12, len(v.Commit))]
	}
	return "0.0.0-dev"
}
