package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// handsFile is what people write to have something done by hand. It is done once, at the cloud's next call, and the file
// is renamed. A kill in between does it again, which comes to the same.
const handsFile = "by-hand.json"

// readHands does what stands in the file. A broken one is logged once and left.
func (s *Sim) readHands() {
	path := filepath.Join(s.options.Dir, handsFile)
	info, err := os.Stat(path)
	if err != nil {
		s.handsStamp = ""
		return
	}
	stamp := fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	if stamp == s.handsStamp {
		return
	}
	s.handsStamp = stamp
	if err := s.doHands(path); err != nil {
		s.options.Logger.Error("what is to be done by hand cannot be done", "file", path, "error", err)
	}
}

func (s *Sim) doHands(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	hands, err := parseHands(data)
	if err != nil {
		return err
	}
	for _, h := range hands {
		n, err := s.byHand(h)
		if err != nil {
			return err
		}
		s.options.Logger.Info("done by hand", "delete", h.Delete, "change", h.Change, "match", h.Match, "things", n)
	}
	return os.Rename(path, strings.TrimSuffix(path, ".json")+".done.json")
}

// parseHands reads a JSON array of hands.
func parseHands(data []byte) (hands []Hand, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&hands); err != nil {
		return nil, err
	}
	for _, h := range hands {
		if err := h.validate(); err != nil {
			return nil, err
		}
	}
	return hands, nil
}
