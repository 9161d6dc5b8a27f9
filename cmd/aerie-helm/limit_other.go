//go:build !unix

package main

import (
	"runtime/debug"

	"github.com/aeriehq/aerie/cloud/kube/helm"
)

// limit asks the garbage collector to be careful; there is no harder bound here.
func limit() { debug.SetMemoryLimit(helm.MaxMemory * 3 / 4) }
