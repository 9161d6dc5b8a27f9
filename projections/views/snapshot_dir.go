package views

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
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
	snapshotMagic = "aerie snapshot\n"
	snapshotEnd   = ".snapshot"
	unfinished    = ".new"
	// keptSnapshots is how many snapshots are kept: the older, the further apart.
	keptSnapshots = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// snapshotDir is the directory of snapshots.
type snapshotDir struct{ Dir string }

// snapshotHeader says what a snapshot is of.
type snapshotHeader struct {
	Code  string `json:"code"`  // the program that wrote it: another one folds otherwise
	Seq   uint64 `json:"seq"`   // the last sequence in it
	Event string `json:"event"` // the id of that event: another log has another one there
}

// openSnapshotDir makes the directory, and removes what a kill left unfinished.
func openSnapshotDir(dir string) (*snapshotDir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"+unfinished))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	return &snapshotDir{dir}, nil
}

func (s *snapshotDir) Path(seq uint64) string {
	return filepath.Join(s.Dir, fmt.Sprintf("%020d%s", seq, snapshotEnd))
}

// All lists the sequences of the snapshots, ascending.
func (s *snapshotDir) All() (seqs []uint64) {
	files, _ := filepath.Glob(filepath.Join(s.Dir, "*"+snapshotEnd)) // the pattern is right
	for _, f := range files {
		if seq, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(f), snapshotEnd), 10, 64); err == nil {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}

// Write writes a snapshot, whole or not at all, and removes those that are too many.
func (s *snapshotDir) Write(l snapshotHeader, state func(io.Writer) error) (err error) {
	f, err := os.OpenFile(s.Path(l.Seq)+unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	err = writeSnapshot(f, l, state)
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

func (s *snapshotDir) sync() error {
	d, err := os.Open(s.Dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// thin removes the snapshots that are missed least: those whose neighbours are
// near, measured by how long ago they are.
func (s *snapshotDir) thin() (err error) {
	seqs := s.All()
	for len(seqs) > keptSnapshots {
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

func writeSnapshot(w io.Writer, l snapshotHeader, state func(io.Writer) error) error {
	head, err := json.Marshal(l)
	if err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	if _, err := fmt.Fprintf(out, "%s%s\n", snapshotMagic, head); err != nil {
		return err
	}
	body := s2.NewWriter(out, s2.WriterConcurrency(1))
	if err := errors.Join(state(body), body.Close(), out.Flush()); err != nil {
		return err
	}
	_, err = w.Write(binary.BigEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

var errDamaged = errors.New("it is damaged")

// snapshot is one that is being read.
type snapshot struct {
	snapshotHeader
	file  *os.File
	state *bufio.Reader
}

// Open opens a snapshot. Nothing of it is looked at before its checksum fits.
func (s *snapshotDir) Open(seq uint64) (*snapshot, error) {
	f, err := os.Open(s.Path(seq))
	if err != nil {
		return nil, err
	}
	p := &snapshot{file: f}
	if err = check(f); err == nil {
		err = p.readHeader()
	}
	if err == nil && p.Seq != seq {
		err = errDamaged
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
		return errDamaged
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

func (p *snapshot) readHeader() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	whole := bufio.NewReaderSize(io.LimitReader(p.file, info.Size()-crc32.Size), 1<<20)
	magic := make([]byte, len(snapshotMagic))
	if _, err := io.ReadFull(whole, magic); err != nil || string(magic) != snapshotMagic {
		return errDamaged
	}
	line, err := whole.ReadBytes('\n')
	if err != nil {
		return errDamaged
	}
	p.state = bufio.NewReaderSize(s2.NewReader(whole), 1<<20)
	return json.Unmarshal(line, &p.snapshotHeader)
}

func (p *snapshot) Close() { _ = p.file.Close() } // it was only read

var errOther = errors.New("another version of the program wrote it")

// newest reads the newest snapshot before a sequence that is whole and of this program;
// nil if there is none. Of each other it says in the program's log why it is not used.
func (s *snapshotDir) newest(before uint64, withEvents bool) *readSnapshot {
	seqs := s.All()
	slices.Reverse(seqs)
	for _, seq := range seqs {
		if seq >= before {
			continue
		}
		found, err := s.Read(seq, withEvents)
		if err == nil {
			return found
		}
		slog.Warn("snapshot not used", "file", s.Path(seq), "reason", err)
	}
	return nil
}

func (s *snapshotDir) Read(seq uint64, withEvents bool) (*readSnapshot, error) {
	p, err := s.Open(seq)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if ours, err := code(); err != nil || p.Code != ours {
		return nil, errors.Join(errOther, err)
	}
	read, err := readState(p.state)
	if err == nil && withEvents {
		read.events, read.folded, err = readEventIndex(p.state, seq)
	}
	if err == nil && read.World.Seq != seq {
		err = errDamaged
	}
	return &readSnapshot{p.snapshotHeader, read}, err
}
