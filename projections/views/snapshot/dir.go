// Package snapshot keeps snapshots of the views in a directory: files that are written whole or not at all, with a checksum,
// and of which the older are the further apart. What is in them, and whether one may be used, is for package views to say.
//
// Begin with Dir. A directory belongs to one process, and one goroutine writes in it; others may read meanwhile, for a file
// is never changed once it has its name. A kill leaves at most an unfinished file, which Open removes.
package snapshot

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/s2"
)

// A snapshot is a file: a line that says what it is, a line of JSON that says of
// which moment and made by whom, the compressed state, and a checksum of all that.
const (
	// Ending is that of a snapshot's name, after its sequence.
	Ending = ".snapshot"
	// Unfinished follows it while the file is written.
	Unfinished = ".new"

	magicLine = "aerie snapshot\n"
	// kept is how many snapshots are kept: the older, the further apart.
	kept = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Dir is the directory of snapshots.
type Dir struct{ path string }

// Header says what a snapshot is of.
type Header struct {
	Code  string `json:"code"`  // the program that wrote it: another one folds otherwise
	Seq   uint64 `json:"seq"`   // the last sequence in it
	Event string `json:"event"` // the id of that event: another log has another one there
}

// Open makes the directory, and removes what a kill left unfinished.
func Open(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"+Unfinished))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	return &Dir{dir}, nil
}

// Path is the file of the snapshot of a sequence.
func (s *Dir) Path(seq uint64) string {
	return filepath.Join(s.path, fmt.Sprintf("%020d%s", seq, Ending))
}

// All lists the sequences of the snapshots, ascending.
func (s *Dir) All() (seqs []uint64) {
	files, _ := filepath.Glob(filepath.Join(s.path, "*"+Ending)) // the pattern is right
	for _, f := range files {
		if seq, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(f), Ending), 10, 64); err == nil {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}

// Write writes a snapshot, whole or not at all, and removes those that are too many.
func (s *Dir) Write(l Header, state func(io.Writer) error) (err error) {
	f, err := os.OpenFile(s.Path(l.Seq)+Unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	err = Encode(f, l, state)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.Path(l.Seq))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write a snapshot: %w", err), os.Remove(f.Name()))
	}
	if err := errors.Join(s.sync(), s.thin()); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	return nil
}

func (s *Dir) sync() error {
	d, err := os.Open(s.path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// thin removes the snapshots that are missed least: those whose neighbours are
// near, measured by how long ago they are.
func (s *Dir) thin() (err error) {
	seqs := s.All()
	for len(seqs) > kept {
		worst, at := 0.0, 0
		newest := seqs[len(seqs)-1]
		for i := range seqs[:len(seqs)-1] {
			before := uint64(0)
			if i > 0 {
				before = seqs[i-1]
			}
			if dense := float64(newest-seqs[i]) / float64(seqs[i+1]-before); dense > worst {
				worst, at = dense, i
			}
		}
		err = errors.Join(err, os.Remove(s.Path(seqs[at])))
		seqs = slices.Delete(seqs, at, at+1)
	}
	return err
}

// Encode writes what a file of a snapshot has in it.
func Encode(w io.Writer, l Header, state func(io.Writer) error) error {
	head, err := json.Marshal(l)
	if err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	if _, err := fmt.Fprintf(out, "%s%s\n", magicLine, head); err != nil {
		return err
	}
	body := s2.NewWriter(out, s2.WriterConcurrency(1))
	if err := errors.Join(state(body), body.Close(), out.Flush()); err != nil {
		return err
	}
	_, err = w.Write(binary.BigEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// ErrDamaged is the error of a file that is not as it was written.
var ErrDamaged = errors.New("it is damaged")

// Reader is one that is being read.
type Reader struct {
	Header
	file  *os.File
	State *bufio.Reader // decompressed
}

// Read opens a snapshot. Nothing of it is looked at before its checksum fits.
func (s *Dir) Read(seq uint64) (*Reader, error) {
	f, err := os.Open(s.Path(seq))
	if err != nil {
		return nil, err
	}
	p := &Reader{file: f}
	if err = check(f); err == nil {
		err = p.readHeader()
	}
	if err == nil && p.Seq != seq {
		err = ErrDamaged
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// check holds a file against its checksum, and goes back to its beginning.
func check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum, want := crc32.New(castagnoli), make([]byte, crc32.Size)
	if _, err := io.Copy(sum, io.LimitReader(f, info.Size()-crc32.Size)); err != nil {
		return err
	}
	if _, err := io.ReadFull(f, want); err != nil || binary.BigEndian.Uint32(want) != sum.Sum32() {
		return ErrDamaged
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

func (p *Reader) readHeader() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	whole := bufio.NewReaderSize(io.LimitReader(p.file, info.Size()-crc32.Size), 1<<20)
	magic := make([]byte, len(magicLine))
	if _, err := io.ReadFull(whole, magic); err != nil || string(magic) != magicLine {
		return ErrDamaged
	}
	line, err := whole.ReadBytes('\n')
	if err != nil {
		return ErrDamaged
	}
	p.State = bufio.NewReaderSize(s2.NewReader(whole), 1<<20)
	return json.Unmarshal(line, &p.Header)
}

// Close ends the reading.
func (p *Reader) Close() { _ = p.file.Close() } // it was only read
