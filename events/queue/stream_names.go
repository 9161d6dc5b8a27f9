package queue

// The streams beside the log, and the subjects of what stands in them.
const (
	WorkStream   = "AERIE_WORK"   // what the world is owed now
	TimersStream = "AERIE_TIMERS" // when something of an entity is due
	QueueStream  = "AERIE_QUEUE"  // commands that wait
	owed         = "aerie.work."
	timed        = "aerie.timer."
	due          = "aerie.due."
	queued       = "aerie.queue."  // who may wait publishes here
	parted       = "aerie.queued." // and here it stands, with its partition
)
