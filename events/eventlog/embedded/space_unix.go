//go:build linux || darwin || freebsd

package embedded

import "syscall"

// space is how many bytes of a directory's disk are free for us, and how many there are.
func space(dir string) (free, total uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize), true
}
