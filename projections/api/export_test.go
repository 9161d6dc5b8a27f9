package api

import (
	"net/http"
	"time"

	"github.com/aeriehq/aerie/events"
)

// SetHeartbeat changes how often streams say that they are alive.
func SetHeartbeat(h http.Handler, d time.Duration) { h.(*server).heartbeat = d }

// SetLimits says how many streams there may be, and how many frames are kept for them.
func (f *Fanout) SetLimits(streams, frames int) { f.limit, f.keep = streams, frames }

// SetEncode puts another encoding of frames in place.
func (f *Fanout) SetEncode(encode func(events.Recorded) ([]byte, error)) { f.encode = encode }

// Streams is how many streams are open.
func (f *Fanout) Streams() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams
}

// What the external tests look at.
const EndWithin = endWithin
const EventStream = eventStream
const MaxFrames = maxFrames
const MaxStreams = maxStreams
const ProblemJSON = problemJSON
const ToldHeaders = toldHeaders
const WriteWithin = writeWithin

type AsyncDocument = asyncDocument
type Object = object

var APIConfig = apiConfig
var DescribeNATS = describeNATS
var EmptyIsAbsent = emptyIsAbsent
var EncodeFrame = encodeFrame

// WhileWelcome and Leeway are how a stream ends with its caller.
var WhileWelcome = whileWelcome

const Leeway = leeway
