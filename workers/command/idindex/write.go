package idindex

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// writeSegment writes a segment, whole or not at all, and opens it. The entries come in
// order, as many as the label says.
func writeSegment(dir string, l label, entries iter.Seq2[Entry, error]) (*segment, error) {
	if len(l.event) > eventMax {
		return nil, fmt.Errorf("the id of event %d has %d bytes", l.to, len(l.event))
	}
	path := filepath.Join(dir, fmt.Sprintf("%020d-%020d%s", l.from, l.to, segmentEnd))
	f, err := os.OpenFile(path+unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err = writePages(f, l, entries); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	return openSegment(path)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writePages(w io.Writer, l label, entries iter.Seq2[Entry, error]) error {
	head, sum := l.page()
	out := bufio.NewWriterSize(w, 1<<16)
	_, _ = out.Write(head) // Flush tells of every error before
	page, number := make([]byte, 0, pageLen), uint64(0)
	end := func() error {
		page = binary.BigEndian.AppendUint32(page[:body], pageSum(sum, number, page[:body]))
		_, err := out.Write(page)
		page, number = page[:0], number+1
		clear(page[:pageLen])
		return err
	}
	for e, err := range entries {
		if err != nil {
			return err
		}
		page = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(page, e.key), e.Seq)
		if len(page) == perPage*entryLen {
			if err := end(); err != nil {
				return err
			}
		}
	}
	if len(page) > 0 {
		_ = end()
	}
	return out.Flush()
}

// merged goes through the entries of both in order.
func merged(a, b iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		other, err, more := next()
		for e, wrong := range a {
			for more && (err != nil || wrong == nil && compare(other, e) < 0) {
				if !yield(other, err) || err != nil {
					return
				}
				other, err, more = next()
			}
			if !yield(e, wrong) || wrong != nil {
				return
			}
		}
		for more && yield(other, err) && err == nil {
			other, err, more = next()
		}
	}
}
