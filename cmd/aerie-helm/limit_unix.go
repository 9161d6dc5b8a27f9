//go:build unix

package main

import (
	"runtime/debug"
	"syscall"

	"github.com/aeriehq/aerie/cloud/kube/helm"
)

// limit bounds this process, so that a chart cannot eat the machine's memory.
func limit() {
	debug.SetMemoryLimit(helm.MaxMemory * 3 / 4)
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: helm.MaxMemory, Max: helm.MaxMemory})
}
