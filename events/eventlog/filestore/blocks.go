package filestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"
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
	if err == nil && crc32.Checksum(k.Blocks, Castagnoli) != k.Sum {
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
	data, err := json.Marshal(kept{blocks, crc32.Checksum(blocks, Castagnoli)})
	if err != nil {
		return fmt.Errorf("write down the blocks: %w", err)
	}
	if err := WriteWhole(filepath.Join(g.dir, lookedAt), data); err != nil {
		return fmt.Errorf("write down the blocks: %w", err)
	}
	return nil
}

// noteEvery is how often new blocks are looked at while the server runs.
const noteEvery = 10 * time.Minute

// Watch looks, now and then until ctx ends, at the blocks that have become full, so
// that the next start need not. It returns an error if one is not as it was written.
func (g *Guard) Watch(ctx context.Context) error {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if err := g.note(); err != nil {
			return err
		}
	}
}

// note looks at the blocks that are full and were not looked at yet.
func (g *Guard) note() error {
	known := g.readBlocks()
	dir, full, err := g.FullBlocks()
	if err != nil {
		return err
	}
	var all []block
	var buffer bytes.Buffer
	for _, number := range full {
		b, old := known[number]
		if !old {
			b = inspectFile(dir, number, b, &buffer)
		}
		if b.err != nil {
			return g.Damaged(fmt.Sprintf("block %d is not as it was written (%v)", number, b.err))
		}
		all = append(all, b)
	}
	return g.keepBlocks(all)
}

// FullBlocks are the numbers of the blocks that a running server does not write to any
// more, smallest first, and the directory they are in. The newest two are left out. There
// are none where the log is not in the data directory.
func (g *Guard) FullBlocks() (dir string, numbers []int, err error) {
	found, err := g.stores()
	if err != nil || len(found) != 1 {
		return "", nil, err
	}
	numbers, err = blocksOf(found[0])
	return found[0], numbers[:max(0, len(numbers)-2)], err
}

// stores are the directories with the log's blocks: one, none, or in a directory that
// was tampered with, more.
func (g *Guard) stores() (found []string, err error) {
	if g.dir == "" {
		return nil, nil
	}
	for _, below := range []string{"", "*"} {
		some, err := filepath.Glob(filepath.Join(g.dir, below, "jetstream", "*", "streams", Stream, "msgs"))
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// ErrElsewhere ends the reading of blocks: the consumer goes on from there, and says
// what is wrong, if anything is.
var ErrElsewhere = errors.New("the rest comes through the server")

// FirstIn is the sequence of the first record of a block.
func FirstIn(dir string, number int) (uint64, error) {
	f, err := os.Open(blockPath(dir, number))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var head [RecordHead]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(head[4:]) &^ IsTombstone, nil
}

// ReadBlock reads all of a block.
func ReadBlock(dir string, number int, buffer *bytes.Buffer) error {
	f, err := os.Open(blockPath(dir, number))
	if err != nil {
		return err
	}
	defer f.Close()
	buffer.Reset()
	_, err = buffer.ReadFrom(f)
	return err
}

func blockPath(dir string, number int) string {
	return filepath.Join(dir, strconv.Itoa(number)+".blk")
}

// Castagnoli is the table of the checksums of this package, and of those that eventlog writes into the events.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Stream is the name of the stream whose files these are.
const Stream = "AERIE_EVENTS"
