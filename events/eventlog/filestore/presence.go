package filestore

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrGone means that the log's files are not there any more, or others in their place: what
// was answered since is not on any disk that a restart finds.
var ErrGone = errors.New("the log's files are gone")

// presence is what is known of the log's files while the embedded server has them open:
// a directory that is removed under it, or replaced, it goes on writing to.
type presence struct {
	mu     sync.Mutex
	dir    string // of the blocks; empty until they are there
	made   uint64 // its inode
	newest int    // the newest block with something in it
	block  uint64 // its inode
	blocks int    // how many there are up to it
	gone   atomic.Pointer[error]
}

// Gone says that the log's files are not there any more; nil while they are, as far as that
// was looked at.
func (g *Guard) Gone() error {
	if err := g.files.gone.Load(); err != nil {
		return *err
	}
	return nil
}

// Present looks whether the log's files are still those that the embedded server opened.
// Once they are not, it stays so, and the first who finds it logs it.
func (g *Guard) Present() error { return g.StillThere(true) }

// StillThere looks at the directory and the newest block, and at whether all others are there if all is set.
func (g *Guard) StillThere(all bool) error {
	if g.Replica || g.dir == "" {
		return nil
	}
	if err := g.Gone(); err != nil {
		return err
	}
	g.files.mu.Lock()
	defer g.files.mu.Unlock()
	err := g.files.look(g.stores)
	if err == nil && all {
		err = g.files.count()
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w: commands are not taken: stop the server, put the whole data directory %s back, or a backup of it, and start it again", ErrGone, err, g.dir)
	if g.files.gone.CompareAndSwap(nil, &err) {
		slog.Error(err.Error())
	}
	return err
}

// forget has the files looked for anew: the server opens them again.
func (g *Guard) forget() {
	g.files.mu.Lock()
	defer g.files.mu.Unlock()
	g.files.dir = ""
}

// look checks the directory and the newest block by their inodes.
func (p *presence) look(stores func() ([]string, error)) error {
	if p.dir == "" {
		return p.find(stores)
	}
	dir, err := os.Stat(p.dir)
	if err != nil {
		return err
	}
	if inode(dir) != p.made {
		return fmt.Errorf("%s is another directory than it was", p.dir)
	}
	if p.newest > 0 {
		info, err := os.Stat(blockPath(p.dir, p.newest))
		if err != nil {
			return err
		}
		if inode(info) != p.block {
			return fmt.Errorf("%s is another file than it was", blockPath(p.dir, p.newest))
		}
	}
	p.advance()
	return nil
}

// find takes the files that are there for the log's.
func (p *presence) find(stores func() ([]string, error)) error {
	found, err := stores()
	if err != nil || len(found) != 1 {
		return nil // there is no log yet, or it is not for us to say which one it is
	}
	info, err := os.Stat(found[0])
	if err != nil {
		return err
	}
	numbers, err := blocksOf(found[0])
	if err != nil {
		return err
	}
	p.dir, p.made, p.newest, p.block, p.blocks = found[0], inode(info), 0, 0, 0
	for _, n := range numbers {
		p.take(n)
	}
	return nil
}

// advance goes on to the blocks that were begun since.
func (p *presence) advance() {
	for p.take(p.newest + 1) {
	}
}

// take takes a block for the newest if there is something in it. One that is empty may go
// again: the server makes it before it has anything to write.
func (p *presence) take(number int) bool {
	info, err := os.Stat(blockPath(p.dir, number))
	if err != nil || info.Size() == 0 {
		return false
	}
	p.newest, p.block = number, inode(info)
	p.blocks++
	return true
}

// count finds as many blocks as there were.
func (p *presence) count() error {
	if p.dir == "" {
		return nil
	}
	names, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	there := 0
	for _, n := range names {
		if strings.HasSuffix(n.Name(), ".blk") {
			there++
		}
	}
	if there < p.blocks {
		return fmt.Errorf("%d of %d files in %s are left", there, p.blocks, filepath.Clean(p.dir))
	}
	return nil
}
