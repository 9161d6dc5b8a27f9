package sim

import "github.com/aeriehq/aerie/cloud/script"

// handsFile is what people write to have something done by hand. It is done once, at the cloud's next call, and the file
// is renamed. A kill in between does it again, which comes to the same.
const handsFile = "by-hand.json"

// readHands does what stands in the file.
func (s *Sim) readHands(data []byte) error {
	if data == nil {
		return nil
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
	return s.scripts.Done(handsFile)
}

// parseHands reads a JSON array of hands.
func parseHands(data []byte) (hands []Hand, err error) {
	if err := script.Strict(data, &hands); err != nil {
		return nil, err
	}
	for _, h := range hands {
		if err := h.validate(); err != nil {
			return nil, err
		}
	}
	return hands, nil
}
