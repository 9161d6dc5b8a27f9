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

// ThisVersion reads it from the binary.
func ThisVersion() Version {
	v := Version{Version: "(devel)", Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = cmp.Or(info.Main.Version, v.Version)
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

// Semver is the program's version as NATS services want it: without the v.
func Semver() string {
	if v, ok := strings.CutPrefix(ThisVersion().Version, "v"); ok {
		return v
	}
	return "0.0.0"
}
