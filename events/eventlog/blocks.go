package eventlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// block is what is known of a block file that was looked at record by record.
type block struct {
	Number int    `json:"number"`
	Size   int    `json:"size"`
	Sum    uint32 `json:"sum"` // of all its bytes
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	err    error
}

// lookedAt is the file that keeps what is known of blocks. It only saves time: without
// it, or if it is damaged, every record is looked at.
const lookedAt = "blocks"

// kept is that file. Its own checksum is over the blocks as they are written.
type kept struct {
	Blocks json.RawMessage `json:"blocks"`
	Sum    uint32          `json:"sum"`
}

// readBlocks reads what earlier starts know of the blocks.
func (g *Guard) readBlocks() map[int]block {
	known := map[int]block{}
	data, err := os.ReadFile(filepath.Join(g.dir, lookedAt))
	if errors.Is(err, fs.ErrNotExist) {
		return known
	}
	var k kept
	var all []block
	if err == nil {
		err = json.Unmarshal(data, &k)
	}
	if err == nil && crc32.Checksum(k.Blocks, castagnoli) != k.Sum {
		err = errors.New("its checksum does not fit")
	}
	if err == nil {
		err = json.Unmarshal(k.Blocks, &all)
	}
	if err != nil {
		slog.Warn("the store is looked at anew", "file", lookedAt, "reason", err)
		return known
	}
	for _, b := range all {
		known[b.Number] = b
	}
	return known
}

// writeBlocks keeps what is known now, but for the newest block, which still grows.
func (g *Guard) writeBlocks(all []block) {
	if err := g.keepBlocks(all[:max(0, len(all)-1)]); err != nil {
		slog.Warn("the next start will take longer", "file", lookedAt, "err", err)
	}
}

func (g *Guard) keepBlocks(all []block) error {
	blocks, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("write down the blocks: %w", err)
	}
	data, err := json.Marshal(kept{blocks, crc32.Checksum(blocks, castagnoli)})
	if err != nil {
		return fmt.Errorf("write down the blocks: %w", err)
	}
	path := filepath.Join(g.dir, lookedAt)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("write down the blocks: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write down the blocks: %w", err)
	}
	return nil
}
