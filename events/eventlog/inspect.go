package eventlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/minio/highwayhash"
)

// This file reads the block files of nats-server 2.15's file store, before a
// server does. It has to: after an unclean stop the server cuts a block at the
// first record that does not fit its hash, acknowledged or not; and one flipped
// bit in a record's sequence makes it fill the gap in memory until there is none
// left. Both were tried. A record is
//
//	length(4, highest bit: has headers) sequence(8) time(8) subject length(2)
//	subject [header length(4) headers] body hash(8)
const (
	recordHead  = 22
	recordHash  = highwayhash.Size64
	hasHeaders  = 1 << 31
	isTombstone = 1 << 62 // in the sequence: it tells of a deletion, and is no event
)

// Inspect checks that every event up to the mark is in the store under the data
// directory, if there is one, just as it was written. What comes after the mark
// was never acknowledged, and may be torn. It reads the whole store once, which no
// server may have open; of a block that was whole at an earlier start, and has the
// same checksum still, it reads no more than that.
func (g *Guard) Inspect() error {
	mark := g.Mark()
	if mark == 0 {
		return nil
	}
	known := g.readBlocks()
	for _, below := range []string{"", "*"} {
		found, err := filepath.Glob(filepath.Join(g.dir, below, "jetstream", "*", "streams", Stream, "msgs"))
		if err != nil {
			return err
		}
		for _, dir := range found {
			whole, blocks, err := inspectBlocks(dir, known)
			if whole < mark {
				return g.damaged(fmt.Sprintf("event %d is not there as it was written (%v)", whole+1, err))
			}
			g.writeBlocks(blocks)
		}
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
		path := filepath.Join(dir, strconv.Itoa(numbers[i])+".blk")
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
	f, err := os.Open(filepath.Join(dir, strconv.Itoa(number)+".blk"))
	if err != nil {
		b.err = err
		return b
	}
	defer f.Close()
	buffer.Reset()
	if _, b.err = buffer.ReadFrom(f); b.err != nil {
		return b
	}
	b.Size, b.Sum = buffer.Len(), crc32.Checksum(buffer.Bytes(), castagnoli)
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
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", Stream, block))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return 0, 0, err
	}
	var sum [recordHash]byte
	for at := 0; at < len(data); {
		length, subject, head, ok := measure(data[at:])
		if !ok {
			return first, last, fmt.Errorf("no record at byte %d", at)
		}
		r := data[at : at+length]
		hash.Reset()
		_, _ = hash.Write(r[4:20])
		_, _ = hash.Write(r[recordHead : recordHead+subject])
		_, _ = hash.Write(r[recordHead+subject+head : length-recordHash])
		if !bytes.Equal(hash.Sum(sum[:0]), r[length-recordHash:]) {
			return first, last, fmt.Errorf("the record at byte %d does not fit its hash", at)
		}
		if head > 0 && !headersFit(r[recordHead+subject:length-recordHash]) {
			return first, last, fmt.Errorf("the headers of the record at byte %d do not end where they should", at)
		}
		at += length
		seq := binary.LittleEndian.Uint64(r[4:])
		if seq&isTombstone != 0 {
			continue
		}
		if first == 0 {
			first, last = seq, seq-1
		}
		if seq != last+1 {
			return first, last, fmt.Errorf("after event %d comes %d", last, seq)
		}
		last = seq
	}
	return first, last, nil
}

// headersFit tells whether the length before the headers is theirs: it is the
// one field that the hash does not cover.
func headersFit(data []byte) bool {
	n, data := int64(binary.LittleEndian.Uint32(data)), data[4:]
	end := bytes.Index(data, []byte("\r\n\r\n"))
	return end >= 0 && n == int64(end+4)
}

// measure reads the lengths of the record at the start of data: its own, its
// subject's, and that of the field before its headers.
func measure(data []byte) (length, subject, head int, ok bool) {
	if len(data) < recordHead+recordHash {
		return 0, 0, 0, false
	}
	l := binary.LittleEndian.Uint32(data)
	if l&hasHeaders != 0 {
		head = 4
	}
	length, subject = int(l&^hasHeaders), int(binary.LittleEndian.Uint16(data[20:]))
	return length, subject, head, length <= len(data) && recordHead+subject+head+recordHash <= length
}
