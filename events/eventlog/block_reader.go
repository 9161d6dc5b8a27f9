package eventlog

import (
	"bytes"
	"context"
	"errors"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// This file reads events where they lie: in the full blocks of the embedded server's
// store. On the way through a consumer a message costs half as much as all that is done
// with it afterwards (docs/performance.md).

// takeBlocks takes what comes after the last event from full blocks, up to the end of
// the log as the server has told it. What it does not find there the server is asked for.
func (t *tail) takeBlocks(ctx context.Context, end uint64) error {
	dir, numbers, err := t.log.guard.FullBlocks()
	if err != nil {
		return nil
	}
	var buffer bytes.Buffer
	for _, number := range numbers[firstToRead(dir, numbers, t.last+1):] {
		if err = filestore.ReadBlock(dir, number, &buffer); err == nil {
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
	for s, err := range filestore.Records(number, data) {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case s.Seq <= t.last:
			continue
		case s.Seq > t.last+1 || s.Seq > end:
			return filestore.ErrElsewhere
		}
		if err := t.add(s.Seq, string(s.Subject), s.Body, func() *head { return readHead(s.Headers) }); err != nil {
			return err
		}
	}
	return nil
}

// firstToRead is the place of the block that has a sequence: the newest one that does not
// begin after it. One that cannot be read may be it: to read it fails, and that is the end.
func firstToRead(dir string, numbers []int, seq uint64) int {
	for i := len(numbers) - 1; i >= 0; i-- {
		if first, err := filestore.FirstIn(dir, numbers[i]); err != nil || first <= seq {
			return i
		}
	}
	return len(numbers)
}
