package filestore

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/minio/highwayhash"
)

const (
	// spacing is of how many records of a block the place of one is known.
	spacing = 16
	// relook is how often new full blocks are looked for.
	relook = 10 * time.Second
)

// BlockIndex finds single events in the full blocks of the embedded server's store. The
// server reads a whole block, eight megabytes, for one event of it that was not asked for
// lately; who is asked for the past of an entity asks for some here and there.
type BlockIndex struct {
	Guard  *Guard
	mu     sync.Mutex
	dir    string
	blocks []*indexedBlock // in the order of the log
	looked time.Time
}

// indexedBlock is a full block. What is in it is known once somebody has asked.
type indexedBlock struct {
	number int
	first  uint64
	spots  []int64 // where every spacing-th record begins, and at last the end
	count  uint64  // how many records follow one another without a gap
}

// Find reads an event; false if it is not in a full block, or not as it was written:
// then the server has to say.
func (x *BlockIndex) Find(seq uint64) (Record, bool) {
	x.mu.Lock()
	b := x.blockOf(seq)
	dir := x.dir
	x.mu.Unlock()
	if b == nil {
		return Record{}, false
	}
	s, err := b.read(dir, seq)
	return s, err == nil
}

// blockOf is the block that has an event; nil if no full one has.
func (x *BlockIndex) blockOf(seq uint64) *indexedBlock {
	i := x.before(seq)
	if i == len(x.blocks)-1 && time.Since(x.looked) > relook {
		x.look()
		i = x.before(seq)
	}
	if i < 0 {
		return nil
	}
	b := x.blocks[i]
	if b.spots == nil {
		b.index(x.dir)
	}
	if seq-b.first >= b.count {
		return nil
	}
	return b
}

// before is the place of the newest known block that does not begin after an event.
func (x *BlockIndex) before(seq uint64) int {
	return sort.Search(len(x.blocks), func(i int) bool { return x.blocks[i].first > seq }) - 1
}

// look looks for blocks that have become full.
func (x *BlockIndex) look() {
	x.looked = time.Now()
	dir, numbers, err := x.Guard.FullBlocks()
	if err != nil {
		return
	}
	x.dir = dir
	known := 0
	if n := len(x.blocks); n > 0 {
		known, _ = slices.BinarySearch(numbers, x.blocks[n-1].number+1)
	}
	for _, number := range numbers[known:] {
		first, err := FirstIn(dir, number)
		if err != nil {
			return
		}
		x.blocks = append(x.blocks, &indexedBlock{number: number, first: first})
	}
}

// index notes where the records of a block are.
func (b *indexedBlock) index(dir string) {
	b.spots = []int64{0}
	f, err := os.Open(blockPath(dir, b.number))
	if err != nil {
		return
	}
	defer f.Close()
	in, at := bufio.NewReaderSize(f, 1<<18), int64(0)
	var head [RecordHead]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			break
		}
		length := int64(binary.LittleEndian.Uint32(head[:]) &^ hasHeaders)
		if length < RecordHead+recordHash || binary.LittleEndian.Uint64(head[4:]) != b.first+b.count {
			break
		}
		if _, err := in.Discard(int(length) - RecordHead); err != nil {
			break
		}
		at += length
		b.count++
		if b.count%spacing == 0 {
			b.spots = append(b.spots, at)
		}
	}
	if b.count%spacing != 0 {
		b.spots = append(b.spots, at)
	}
	b.spots = slices.Clip(b.spots)
}

// read reads an event that the block has.
func (b *indexedBlock) read(dir string, seq uint64) (Record, error) {
	f, err := os.Open(blockPath(dir, b.number))
	if err != nil {
		return Record{}, err
	}
	defer f.Close()
	spot := (seq - b.first) / spacing
	data := make([]byte, b.spots[spot+1]-b.spots[spot])
	if _, err := f.ReadAt(data, b.spots[spot]); err != nil {
		return Record{}, err
	}
	for range (seq - b.first) % spacing {
		length, _, _, ok := measure(data)
		if !ok {
			return Record{}, ErrElsewhere
		}
		data = data[length:]
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", Stream, b.number))
	sum, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return Record{}, err
	}
	s, _, err := nextStored(data, sum)
	if err != nil || s.Seq != seq {
		return Record{}, ErrElsewhere
	}
	s.Body = bytes.Clone(s.Body) // the records around it need not stay
	return s, nil
}
