package operations

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// mostWritten is how long a written operation may be; a longer one is damaged.
const mostWritten = 1 << 20

// Write writes the book behind what is in a snapshot already.
func (b *Book) Write(w io.Writer) (err error) {
	_, err = w.Write(binary.AppendUvarint(nil, uint64(b.all.Len())))
	b.all.Scan(func(_ uint64, o *operation) bool {
		var data []byte
		if err == nil {
			data, err = json.Marshal(o)
		}
		if err == nil {
			_, err = w.Write(append(binary.AppendUvarint(nil, uint64(len(data))), data...))
		}
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("write the operations: %w", err)
	}
	return nil
}

// Read reads what Write wrote, of so many entities.
func Read(r *bufio.Reader, entities int) (*Book, error) {
	b := NewBook()
	n, err := binary.ReadUvarint(r)
	var ended []*operation
	for ; n > 0 && err == nil; n-- {
		o := &operation{}
		if err = readOne(r, o); err != nil {
			break
		}
		if int(o.Number) >= entities || len(o.Steps) == 0 {
			err = errors.New("it is damaged")
			break
		}
		b.all.Set(o.Seq, o)
		if o.State == Running {
			b.open[o.Number] = o.Seq
		} else {
			ended = append(ended, o)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the operations: %w", err)
	}
	slices.SortFunc(ended, func(a, b *operation) int { return cmp.Compare(a.EndSeq, b.EndSeq) })
	for _, o := range ended {
		b.ended = append(b.ended, o.Seq)
	}
	return b, nil
}

func readOne(r *bufio.Reader, o *operation) error {
	n, err := binary.ReadUvarint(r)
	if err == nil && n > mostWritten {
		err = errors.New("it is damaged")
	}
	if err != nil {
		return err
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	return json.Unmarshal(data, o)
}
