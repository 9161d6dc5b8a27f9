package api

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/metrics"
	"github.com/aeriehq/aerie/projections/state"
	"github.com/aeriehq/aerie/projections/views"
)

const (
	// maxStreams is how many clients may listen at once. Each costs some 50 KB.
	maxStreams = 4096
	// maxFrames and maxFrameBytes bound the newest events that are kept for streams.
	maxFrames     = 8192
	maxFrameBytes = 32 << 20
	// minPace is the least time between two writes to one stream.
	minPace = 50 * time.Millisecond
	// paceEach is what every stream adds to that once there are many: a write costs
	// three system calls, so all streams together write 4,000 times a second at most.
	paceEach = 250 * time.Microsecond
)

// Fanout hands the newest events to all streams. Each stream has its own place in the
// log and takes from there what it has not sent yet, so a stream that is slow costs
// the others nothing. An event is encoded once, by the first stream that sends it.
type Fanout struct {
	fold   *state.Live
	limit  int // of streams
	keep   int // of frames
	encode func(events.Recorded) ([]byte, error)

	mu      sync.Mutex
	streams int
	cut     uint64        // streams whose client did not read
	before  uint64        // the sequence before the first frame
	frames  []*frame      // one for each sequence; readers share the array
	size    int           // bytes of those that are encoded
	moved   chan struct{} // closed when there are more frames; nil: nobody waits
}

// frame is one event as a stream sends it.
type frame struct {
	events.Recorded
	size int // under the fanout's lock; 0 until it is encoded

	once sync.Once
	data []byte
	err  error
}

// NewFanout hands on what a fold, which must not follow the log yet, folds from then on.
func NewFanout(fold *state.Live) *Fanout {
	f := &Fanout{fold: fold, limit: maxStreams, keep: maxFrames, encode: encodeFrame}
	fold.Watch(f.see)
	return f
}

// encodeFrame writes an event as text/event-stream has it.
func encodeFrame(r events.Recorded) ([]byte, error) {
	e, err := views.EventOf(r)
	if err != nil {
		return nil, err
	}
	return frameOf(e)
}

func frameOf(e views.Event) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write event %d: %w", e.Seq, err)
	}
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Type, data), nil
}

// see takes a decision that was folded in. The fold holds its lock meanwhile.
func (f *Fanout) see(_ *state.Entities, decision []events.Recorded, _ bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams == 0 {
		return
	}
	for _, r := range decision {
		f.frames = append(f.frames, &frame{Recorded: r})
	}
	for len(f.frames) > f.keep || f.size > maxFrameBytes {
		f.size -= f.frames[0].size
		f.frames, f.before = f.frames[1:], f.before+1
	}
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
}

// join adds a stream; false if there are as many as there may be.
func (f *Fanout) join() (joined bool) {
	f.fold.View(func(w *state.Entities) { joined = f.joinAt(w.Seq) }) // see is not called meanwhile
	return joined
}

// joinAt begins the frames after a sequence if nobody has listened until now.
func (f *Fanout) joinAt(seq uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams >= f.limit {
		return false
	}
	if f.streams == 0 {
		f.before = seq
	}
	f.streams++
	return true
}

// leave takes a stream away; cut tells whether its client did not read.
func (f *Fanout) leave(cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cut {
		f.cut++
	}
	if f.streams--; f.streams == 0 {
		f.frames, f.size = nil, 0
	}
}

// CutStreams is how many streams were cut because their clients did not read.
func (f *Fanout) CutStreams() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut
}

// since lists the frames after a sequence. If there are none, moved is closed when
// there are. kept is false if events after that sequence are not kept any more.
func (f *Fanout) since(seq uint64) (frames []*frame, moved <-chan struct{}, kept bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq < f.before {
		return nil, nil, false
	}
	if sent := seq - f.before; sent < uint64(len(f.frames)) {
		return f.frames[sent:], nil, true
	}
	if f.moved == nil {
		f.moved = make(chan struct{})
	}
	return nil, f.moved, true
}

// bytes is a frame as it is sent.
func (f *Fanout) bytes(fr *frame) ([]byte, error) {
	fr.once.Do(func() {
		fr.data, fr.err = f.encode(fr.Recorded)
		f.mu.Lock()
		defer f.mu.Unlock()
		if fr.Seq > f.before {
			fr.size = len(fr.data)
			f.size += fr.size
		}
	})
	return fr.data, fr.err
}

// pace is how long a stream waits after it has looked, before it looks again.
func (f *Fanout) pace() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(minPace, time.Duration(f.streams)*paceEach)
}

// Describe says nothing, as metrics.Metrics does.
func (f *Fanout) Describe(chan<- *prometheus.Desc) {}

// Collect tells a scrape of the streams.
func (f *Fanout) Collect(to chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	metrics.Send(to, "aerie_streams", f.streams)
	metrics.Send(to, "aerie_streams_cut_total", f.cut)
}
