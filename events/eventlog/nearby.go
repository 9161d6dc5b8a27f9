package eventlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// This file reads events where they lie: in the full blocks of the embedded server's
// store. On the way through a consumer a message costs half as much as all that is done
// with it afterwards (docs/performance.md).

// errElsewhere ends the reading of blocks: the consumer goes on from there, and says
// what is wrong, if anything is.
var errElsewhere = errors.New("the rest comes through the server")

// takeBlocks takes what comes after the last event from full blocks, up to the end of
// the log as the server has told it. What it does not find there the server is asked for.
func (t *tail) takeBlocks(ctx context.Context, end uint64) error {
	dir, numbers, err := t.log.guard.fullBlocks()
	if err != nil {
		return nil
	}
	var buffer bytes.Buffer
	for _, number := range numbers[firstToRead(dir, numbers, t.last+1):] {
		if err = readBlock(dir, number, &buffer); err == nil {
			err = t.takeBlock(ctx, number, buffer.Bytes(), end)
		}
		if err != nil {
			break
		}
	}
	if errors.Is(err, errSeen) {
		return err
	}
	return nil
}

// takeBlock takes a block's events.
func (t *tail) takeBlock(ctx context.Context, number int, data []byte, end uint64) error {
	for s, err := range storedIn(number, data) {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case s.seq <= t.last:
			continue
		case s.seq > t.last+1 || s.seq > end:
			return errElsewhere
		}
		if err := t.add(s.seq, string(s.subject), s.body, func() *head { return readHead(s.headers) }); err != nil {
			return err
		}
	}
	return nil
}

// firstToRead is the place of the block that has a sequence: the newest one that does not
// begin after it. One that cannot be read may be it: to read it fails, and that is the end.
func firstToRead(dir string, numbers []int, seq uint64) int {
	for i := len(numbers) - 1; i >= 0; i-- {
		if first, err := firstIn(dir, numbers[i]); err != nil || first <= seq {
			return i
		}
	}
	return len(numbers)
}

// firstIn is the sequence of the first record of a block.
func firstIn(dir string, number int) (uint64, error) {
	f, err := os.Open(blockPath(dir, number))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var head [recordHead]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(head[4:]) &^ isTombstone, nil
}

// readBlock reads all of a block.
func readBlock(dir string, number int, buffer *bytes.Buffer) error {
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
