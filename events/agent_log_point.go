package events

// LogPoint is how far a log was: of two the one of the later epoch is later, and within one that of the higher sequence.
type LogPoint struct {
	Epoch uint64 `json:"epoch,omitempty"`
	Seq   uint64 `json:"seq"`
}

// Continues tells whether a log that is at p can be the log that was at was: of the same epoch, and no shorter. If not, it was restored.
func (p LogPoint) Continues(was LogPoint) bool { return p.Epoch == was.Epoch && p.Seq >= was.Seq }

// epochShift is how many bits of a revision are the sequence: more events than any log will have.
const epochShift = 40

// Revision orders what is done in the world: by the epoch of the log, and within that by a sequence. A log that was restored
// has its sequences once more, with other events: its epoch is a higher one. Of a log that never was it is the sequence. Sequences
// are below 2^40 and epochs below 2^24; more is not looked for.
func Revision(epoch, seq uint64) uint64 { return epoch<<epochShift | seq }

// EpochOf is the epoch of a revision.
func EpochOf(revision uint64) uint64 { return revision >> epochShift }

// SeqOf is the sequence of a revision.
func SeqOf(revision uint64) uint64 { return revision & (1<<epochShift - 1) }
