// Package coredump keeps what a process has in its memory from being written down when it crashes, or read by others of its user.
//
// Secrets are in the memory of a server, an agent and the program for charts: those of stores, tokens, keys. A core dump would have
// them all, on a disk or at a service that collects dumps. It does nothing against root. Begin with Forbid, which
// may be called at any time and from any goroutine; nothing is kept, and a child that is another program has to call it again.
package coredump

import (
	"fmt"
	"syscall"
)

// prSetDumpable is PR_SET_DUMPABLE, of prctl.
const prSetDumpable = 4

// Forbid has the kernel write no core dump of this process, to a file or to a program, and let only root look into it. The limit
// holds for children too. What a crash prints is as before.
func Forbid() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	// A program that takes dumps (core_pattern) is asked whatever the limit is.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return fmt.Errorf("forbid core dumps: %w", errno)
	}
	return nil
}
