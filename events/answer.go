package events

// The actors that are not people.
const (
	ActorAdmin    = "admin"    // who shows the local token; also in logs of releases that knew nobody else
	ActorAerie    = "aerie"    // the control plane itself
	ActorExecutor = "executor" // who works in clouds and clusters
)

// Answer is what a command is answered with once its events are durable.
type Answer struct {
	CommandID string        `json:"command_id" doc:"The command's id: a repeat of it is answered with this same answer"`
	Seq       uint64        `json:"seq" doc:"The last sequence the command caused, or the entity's present one if nothing new happened"`
	Events    []AnswerEvent `json:"events" doc:"What happened; empty if nothing new did"`
	Entity    AnswerEntity  `json:"entity" doc:"The commanded entity afterwards"`
	Move      *MovePlan     `json:"move,omitempty" doc:"In a dry run of a tenant's move: what it would do"`
	Takes     []string      `json:"takes,omitempty" nullable:"false" doc:"In a dry run of a deletion with cascade: what else would be deleted, in this order"`
}

// AnswerEvent names one event of an answer.
type AnswerEvent struct {
	Type string `json:"type"`
	Seq  uint64 `json:"seq"`
	ID   string `json:"id"`
}

// AnswerEntity is the commanded entity right after the command.
type AnswerEntity struct {
	Owner string `json:"owner"`
	Kind  Kind   `json:"kind"`
	ID    string `json:"id"`
	UID   string `json:"uid"`
	Phase string `json:"phase"`
	Seq   uint64 `json:"seq"`
}
