//go:build unix

package filestore

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// isOurs tells whether a file belongs to the user of this process.
func isOurs(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// give changes the owner of something to that of a directory, where root does it; others own what they write.
func give(of fs.FileInfo, chown func(user, group int) error) error {
	s, ok := of.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return chown(int(s.Uid), int(s.Gid))
}

// inode is what tells a file from another one in its place; 0 if that is not known.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}

// isMountPoint tells whether a directory is where a volume is mounted: it is on another
// device than what it is in, or Linux lists it.
func isMountPoint(dir string) bool {
	path, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return false
	}
	here, err := os.Stat(path)
	above, err2 := os.Stat(filepath.Dir(path))
	if err != nil || err2 != nil {
		return false
	}
	a, ok := here.Sys().(*syscall.Stat_t)
	b, ok2 := above.Sys().(*syscall.Stat_t)
	if ok && ok2 && (a.Dev != b.Dev || a.Ino == b.Ino) {
		return true
	}
	return isListed(path)
}

// isListed looks for a mount point in Linux' list of them, in which blanks are written \040.
func isListed(path string) bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	path = strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(path)
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == path {
			return true
		}
	}
	return false
}
