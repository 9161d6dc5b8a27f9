package embedded

import (
	"fmt"
	"time"
)

const (
	// maxStore is more than any disk has. nats-server would bound its store by three quarters of what is
	// free when it starts, and never look again: what room there is, is watched here.
	maxStore = 1 << 50
	// watchEvery is how often the disk and the store's files are looked at.
	watchEvery = time.Second
	// leastReserve and mostReserve bound what has to stay free of the disk, else a 64th of it: so
	// that commands are refused before a write fails, after which the whole store is looked through.
	leastReserve = 1 << 20
	mostReserve  = 64 << 20
)

// watch looks at the disk and at the store's files until the server is to stop.
func (s *Server) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.ended:
			return
		}
		s.measure()
		if s.broken.Load() || s.present == nil || s.gone.Load() != nil {
			continue
		}
		if err := s.present(); err != nil {
			s.lose(err)
		}
	}
}

// measure takes note of whether there is room on the disk.
func (s *Server) measure() {
	free, total, ok := space(s.dir)
	reserve := min(max(total/64, leastReserve), mostReserve)
	if !ok || free >= reserve {
		if s.room.Swap(nil) != nil {
			s.log.Info("there is room on the disk again: commands are taken", "dir", s.dir)
		}
		return
	}
	err := fmt.Errorf("the disk is full, %d KiB are free and %d have to be: make room in %s; nothing else has to be done", free>>10, reserve>>10, s.dir)
	if s.room.Swap(&err) == nil {
		s.log.Error("commands are not taken", "err", err)
	}
}

// lose stops JetStream for good: whatever it would still store would not be found by a restart.
func (s *Server) lose(err error) {
	s.gone.Store(&err)
	if err := s.srv.ShutdownJetStream(); err != nil {
		s.log.Error("JetStream is not stopped", "err", err)
	}
}
