package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// recoveryPause is the wait after a write that failed, before the store is tried again.
const recoveryPause = time.Second

// spare is how much room there must be on the disk before the store is tried again.
const spare = 1 << 20

// failedWrite tells whether the server says that it takes no more writes. After a
// disk that was full, nats-server 2.15 answers no write to that stream any more; after
// one that it was not allowed, it stops JetStream. Either lasts until JetStream is
// started again, and neither can be asked for: the message is all there is.
func failedWrite(message string) bool {
	for _, part := range []string{"failed to store a msg", "disabling JetStream", "will be DISABLED"} {
		if strings.Contains(message, part) {
			return true
		}
	}
	return false
}

// recoverWrites starts JetStream again after a write that failed, as soon as the disk takes
// one. Connections stay; what was in memory is lost.
func (s *Server) recoverWrites() {
	for {
		select {
		case <-s.failed:
		case <-s.ended:
			return
		}
		s.broken.Store(true)
		for !s.recovered() {
			select {
			case <-time.After(recoveryPause):
			case <-s.ended:
				return
			}
		}
		s.broken.Store(false)
	}
}

// Err says why nothing is stored, nil while it is: there is no room; or a write failed, and
// JetStream is started again as soon as the disk takes one; or the store is gone.
func (s *Server) Err() error {
	for _, why := range []*atomic.Pointer[error]{&s.gone, &s.room} {
		if err := why.Load(); err != nil {
			return *err
		}
	}
	if s.broken.Load() {
		if why := s.unstarted.Load(); why != nil {
			return fmt.Errorf("JetStream does not start again after a write that failed, which is tried each second: %w", *why)
		}
		return fmt.Errorf("the disk takes no writes: make room in %s, or let it be written; nothing else has to be done", s.dir)
	}
	return nil
}

// recovered tries once.
func (s *Server) recovered() bool {
	if s.gone.Load() != nil {
		return false
	}
	if s.present != nil {
		if err := s.present(); err != nil {
			s.lose(err)
			return false
		}
	}
	if err := probe(s.dir); err != nil {
		s.log.Warn("the disk takes no writes: commands are not taken", "dir", s.dir, "err", err)
		return false
	}
	if err := s.restart(); err != nil {
		s.log.Error("JetStream is not started again", "err", err)
		s.unstarted.Store(&err)
		return false
	}
	s.unstarted.Store(nil)
	s.log.Info("JetStream was started again after a write that failed")
	return true
}

// restart stops JetStream and starts it again, if its store is still what it should be.
func (s *Server) restart() error {
	if err := s.srv.ShutdownJetStream(); err != nil {
		return fmt.Errorf("stop JetStream: %w", err)
	}
	if s.whole != nil {
		if err := s.whole(); err != nil {
			return fmt.Errorf("look at the store: %w", err)
		}
	}
	select {
	case <-s.failed: // said by the one that was stopped
	default:
	}
	if err := s.srv.EnableJetStream(&server.JetStreamConfig{StoreDir: s.dir, MaxStore: maxStore}); err != nil {
		return fmt.Errorf("start JetStream: %w", err)
	}
	return nil
}

// probe writes a file into the store's directory.
func probe(dir string) error {
	file := filepath.Join(dir, "probe")
	err := os.WriteFile(file, make([]byte, spare), 0o600)
	if gone := os.Remove(file); err == nil {
		err = gone
	}
	return err
}
