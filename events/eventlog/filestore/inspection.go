package filestore

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Inspect checks that every event up to the mark is in the store under the data
// directory, if there is one, just as it was written. What comes after the mark
// was never acknowledged, and may be torn. It reads the whole store once, which no
// server may have open; of a block that was whole at an earlier start, and has the
// same checksum still, it reads no more than that.
func (g *Guard) Inspect() error {
	g.forget()
	mark := g.Mark()
	if mark == 0 {
		return nil
	}
	known := g.readBlocks()
	found, err := g.stores()
	if err != nil {
		return err
	}
	for _, dir := range found {
		whole, blocks, err := inspectBlocks(dir, known)
		if whole < mark {
			return g.Damaged(fmt.Sprintf("event %d is not there as it was written (%v)", whole+1, err))
		}
		g.writeBlocks(blocks)
	}
	return nil
}

// inspectBlocks reads a stream's blocks and returns the last sequence up to which
// all is well, with what ended it, and what is known of the blocks now. The numbers
// of blocks may have gaps: nats-server drops a block that was still empty when it
// was killed.
func inspectBlocks(dir string, known map[int]block) (whole uint64, blocks []block, err error) {
	numbers, err := blocksOf(dir)
	if err != nil {
		return 0, nil, err
	}
	for i, b := range inspectEach(dir, numbers, known) {
		path := blockPath(dir, numbers[i])
		switch {
		case b.First > 0 && b.First != whole+1:
			return whole, blocks, fmt.Errorf("%s: after event %d comes %d", path, whole, b.First)
		case b.First > 0:
			whole = b.Last
		}
		if b.err != nil {
			return whole, blocks, fmt.Errorf("%s: %w", path, b.err)
		}
		blocks = append(blocks, b)
	}
	return whole, blocks, fmt.Errorf("the blocks in %s end there", dir)
}

// inspectEach looks at blocks, as many at once as there are processors.
func inspectEach(dir string, numbers []int, known map[int]block) []block {
	all := make([]block, len(numbers))
	var next atomic.Int64
	var looking sync.WaitGroup
	for range min(len(numbers), runtime.GOMAXPROCS(0)) {
		looking.Go(func() {
			var buffer bytes.Buffer
			for i := int(next.Add(1)) - 1; i < len(numbers); i = int(next.Add(1)) - 1 {
				all[i] = inspectFile(dir, numbers[i], known[numbers[i]], &buffer)
			}
		})
	}
	looking.Wait()
	return all
}

// inspectFile reads one block, and looks at each record if it is not the same as it
// was.
func inspectFile(dir string, number int, known block, buffer *bytes.Buffer) block {
	b := block{Number: number}
	if b.err = ReadBlock(dir, number, buffer); b.err != nil {
		return b
	}
	b.Size, b.Sum = buffer.Len(), crc32.Checksum(buffer.Bytes(), Castagnoli)
	if known.Size == b.Size && known.Sum == b.Sum && b.Size > 0 {
		return known
	}
	b.First, b.Last, b.err = inspectBlock(number, buffer.Bytes())
	return b
}

// blocksOf lists the numbers of a stream's blocks, smallest first.
func blocksOf(dir string) (numbers []int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.blk"))
	for _, f := range files {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(f), ".blk"))
		if err != nil {
			return nil, fmt.Errorf("%s is no block: %w", f, err)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers, err
}

// inspectBlock checks one block. It returns its first and last events up to which all
// is well, both 0 if there are none.
func inspectBlock(block int, data []byte) (first, last uint64, err error) {
	for r, err := range Records(block, data) {
		if err != nil {
			return first, last, err
		}
		if first == 0 {
			first, last = r.Seq, r.Seq-1
		}
		if r.Seq != last+1 {
			return first, last, fmt.Errorf("after event %d comes %d", last, r.Seq)
		}
		last = r.Seq
	}
	return first, last, nil
}
