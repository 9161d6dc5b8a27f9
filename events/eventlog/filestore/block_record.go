package filestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"iter"

	"github.com/minio/highwayhash"
)

// This file reads the block files of nats-server 2.15's file store. A start does so before
// a server does, and has to: after an unclean stop the server cuts a block at the
// first record that does not fit its hash, acknowledged or not; and one flipped
// bit in a record's sequence makes it fill the gap in memory until there is none
// left. Both were tried. A record is
//
//	length(4, highest bit: has headers) sequence(8) time(8) subject length(2)
//	subject [header length(4) headers] body hash(8)
const (
	RecordHead  = 22
	recordHash  = highwayhash.Size64
	hasHeaders  = 1 << 31
	IsTombstone = 1 << 62 // in the sequence: it tells of a deletion, and is no event
)

// Record is an event in a block: parts of the block's bytes.
type Record struct {
	Seq                    uint64
	Subject, Headers, Body []byte
}

// Records goes through the events of a block, until one is not as it was written.
func Records(block int, data []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", Stream, block))
		sum, err := highwayhash.NewDigest64(key[:])
		for at, length := 0, 0; at < len(data) && err == nil; at += length {
			var s Record
			if s, length, err = nextStored(data[at:], sum); err != nil {
				err = fmt.Errorf("at byte %d %w", at, err)
			} else if s.Seq&IsTombstone == 0 && !yield(s, nil) {
				return
			}
		}
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// nextStored reads the record at the start of data, and how long it is.
func nextStored(data []byte, sum hash.Hash64) (s Record, length int, err error) {
	length, subject, head, ok := measure(data)
	if !ok {
		return s, 0, errors.New("is no record")
	}
	r, end := data[:length], length-recordHash
	s.Seq, s.Subject = binary.LittleEndian.Uint64(r[4:]), r[RecordHead:RecordHead+subject]
	rest := r[RecordHead+subject : end]
	sum.Reset()
	_, _ = sum.Write(r[4:20])
	_, _ = sum.Write(s.Subject)
	_, _ = sum.Write(rest[head:])
	if sum.Sum64() != binary.LittleEndian.Uint64(r[end:]) {
		return s, 0, errors.New("is a record that does not fit its hash")
	}
	if s.Headers, ok = headersOf(rest, head); !ok {
		return s, 0, errors.New("is a record whose headers do not end where they should")
	}
	s.Body = rest[head+len(s.Headers):]
	return s, length, nil
}

// headersOf are a record's headers, whose length stands before them; false if that is
// not theirs: it is the one field that the hash does not cover.
func headersOf(rest []byte, head int) ([]byte, bool) {
	if head == 0 {
		return nil, true
	}
	n, rest := int64(binary.LittleEndian.Uint32(rest)), rest[head:]
	end := bytes.Index(rest, []byte("\r\n\r\n"))
	if end < 0 || n != int64(end+4) {
		return nil, false
	}
	return rest[:n], true
}

// measure reads the lengths of the record at the start of data: its own, its
// subject's, and that of the field before its headers.
func measure(data []byte) (length, subject, head int, ok bool) {
	if len(data) < RecordHead+recordHash {
		return 0, 0, 0, false
	}
	l := binary.LittleEndian.Uint32(data)
	if l&hasHeaders != 0 {
		head = 4
	}
	length, subject = int(l&^hasHeaders), int(binary.LittleEndian.Uint16(data[20:]))
	return length, subject, head, length <= len(data) && RecordHead+subject+head+recordHash <= length
}
