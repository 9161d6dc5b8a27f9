package events

import (
	"fmt"
	"net/netip"
	"time"
)

// PlanMove says how the tenants of a plan come to another cluster, and to which plans they may go.
type PlanMove struct {
	Data string   `json:"data,omitempty" pattern:"^[a-z]{1,20}$" doc:"what becomes of the data of one that comes from another cluster; jobs: the programs here and in its applications bring it along; snapshot: its volumes come along by snapshots, to a dataplane of the same account and region; all that runs is stopped meanwhile; none: there is none to bring along; left out: nobody comes from another cluster"`
	Cut  string   `json:"cut" default:"15m" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"how long a tenant may be closed on its way to another cluster; what takes longer brings it back"`
	Hold string   `json:"hold" default:"10m" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"how long what a tenant has left in another cluster stays, closed, after it has opened here"`
	To   []string `json:"to,omitempty" maxItems:"50" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"the plans that its tenants may move to, such as business; left out: any"`

	Confirm       bool        `json:"confirm,omitempty" doc:"Whether somebody must say \"aerie tenant confirm\" before a tenant is closed on its way to another cluster"`
	ConfirmWithin string      `json:"confirmWithin,omitempty" pattern:"^[1-9][0-9]{0,4}[smh]$" doc:"with confirm: how long that is waited for, after which the move is given up; left out: 24h"`
	Window        *MoveWindow `json:"window,omitempty" doc:"When a tenant may be closed on its way to another cluster; left out: at any time"`

	Quiesce   *PlanJob `json:"quiesce,omitempty" doc:"Run where a tenant is when that is closed: it ends connections, and lets its data rest; with jobs it must be there, or in its applications; refused with data: snapshot"`
	Copy      *PlanJob `json:"copy,omitempty" doc:"With jobs: run where a tenant goes to, behind quiesce: it brings its data there"`
	Verify    *PlanJob `json:"verify,omitempty" doc:"With jobs: run where a tenant goes to, behind copy: it fails if something is missing, and the tenant is brought back"`
	Unquiesce *PlanJob `json:"unquiesce,omitempty" doc:"Run where a tenant is when its move is given up behind quiesce, before it is opened again; it is run again until it succeeds; refused with data: snapshot"`
	Switch    *PlanJob `json:"switch,omitempty" doc:"Run where a tenant has moved to, once it is open there: it points names at it, say; it is run again until it succeeds"`
	Egress    []string `json:"egress,omitempty" maxItems:"50" pattern:"^[0-9A-Fa-f:.]{2,39}/[0-9]{1,3}$" doc:"address ranges that these programs may connect to beside the endpoints of the other side, such as 203.0.113.0/24"`
	Ingress   []string `json:"ingress,omitempty" maxItems:"50" pattern:"^[0-9A-Fa-f:.]{2,39}/[0-9]{1,3}$" doc:"address ranges that these programs come from as the other cluster sees them: what is closed lets them in; left out: nobody"`
}

// What becomes of a tenant's data on the way to another cluster.
const (
	DataNone = "none" // there is none that would have to come along
	DataJobs = "jobs" // programs bring it along
	// DataSnapshot is that its volumes come along by snapshots of them.
	DataSnapshot = "snapshot"
)

// MoveJob is a program that is run at a step of a move.
type MoveJob struct {
	Step string  `json:"step"`
	App  string  `json:"app,omitempty"` // which application names it; empty: the plan does
	Job  PlanJob `json:"job"`
}

// String names the program for people. What program a plan has is the platform's own, and customers read this.
func (j MoveJob) String() string {
	if j.App == "" {
		return "of its plan"
	}
	return "of application " + j.App + ", " + j.Job.Image
}

// moveJobs are programs of steps as somebody names them, in the order in which they are run.
func moveJobs(app string, jobs ...*PlanJob) (all []MoveJob) {
	for i, step := range []string{StepQuiesce, StepCopy, StepVerify, StepUnquiesce, StepSwitch} {
		if jobs[i] != nil {
			all = append(all, MoveJob{step, app, *jobs[i]})
		}
	}
	return all
}

// Jobs are the programs that the plan names.
func (m PlanMove) Jobs() []MoveJob {
	return moveJobs("", m.Quiesce, m.Copy, m.Verify, m.Unquiesce, m.Switch)
}

// secretsOfJobs are what is a secret by its name in the environments of some programs, that stand in a part of a spec such as spec.move.
// Their secrets name Secrets.
func secretsOfJobs(part string, jobs []MoveJob) (found []LiteralSecret) {
	for _, j := range jobs {
		found = append(found, j.Job.namedSecrets(part+"."+j.Step+".env.")...)
	}
	return found
}

// namedSecrets are what is a secret by its name in the programs of a move.
func (m *PlanMove) namedSecrets() []LiteralSecret {
	if m == nil {
		return nil
	}
	return secretsOfJobs("spec.move", m.Jobs())
}

// MostClosed is how long a tenant may be closed.
func (m PlanMove) MostClosed() time.Duration { return duration(m.Cut) }

// HeldFor is how long what it has left stays.
func (m PlanMove) HeldFor() time.Duration { return duration(m.Hold) }

// UnconfirmedFor is how long a move waits until somebody confirms it.
func (m PlanMove) UnconfirmedFor() time.Duration {
	if m.ConfirmWithin == "" {
		return 24 * time.Hour
	}
	return duration(m.ConfirmWithin)
}

func duration(s string) time.Duration {
	d, _ := time.ParseDuration(s) // its pattern is checked
	return d
}

// needsQuiesce is the fault of who copies data that nothing has rest first.
var needsQuiesce = FieldError{"spec.move.quiesce", "is missing: what is copied must rest first, and closing ends no connection that is open"}

// checkMove refuses ways on which nothing is brought along.
func (s PlanSpec) checkMove() []FieldError {
	if s.Move == nil {
		return nil
	}
	faults := s.Move.Window.check("spec.move.window")
	if s.Move.ConfirmWithin != "" && !s.Move.Confirm {
		faults = append(faults, FieldError{"spec.move.confirmWithin", "is for moves that somebody confirms: set spec.move.confirm too"})
	}
	faults = append(append(faults, checkRanges("spec.move.egress", s.Move.Egress)...), checkRanges("spec.move.ingress", s.Move.Ingress)...)
	switch m := s.Move; {
	case m.Data == DataJobs && m.Copy != nil && m.Quiesce == nil:
		faults = append(faults, needsQuiesce)
	case m.Data != DataJobs && m.Copy != nil:
		faults = append(faults, FieldError{"spec.move.copy", "is for data that programs bring along: set spec.move.data to jobs"})
	case m.Data != DataJobs && m.Verify != nil:
		faults = append(faults, FieldError{"spec.move.verify", "is for data that programs bring along: set spec.move.data to jobs"})
	}
	switch s.Move.Data {
	case "", DataNone, DataJobs:
		return faults
	case DataSnapshot:
		return append(faults, s.Move.checkSnapshot()...)
	}
	return append(faults, FieldError{"spec.move.data", "must be jobs, for programs that bring the data along, snapshot, for volumes that come along by snapshots, or none, for tenants that keep no data in their cluster"})
}

// checkSnapshot refuses programs for which nothing would run: what is brought along by snapshots is stopped first.
func (m *PlanMove) checkSnapshot() (faults []FieldError) {
	for _, p := range []struct {
		name    string
		program *PlanJob
	}{{"quiesce", m.Quiesce}, {"unquiesce", m.Unquiesce}} {
		if p.program != nil {
			faults = append(faults, FieldError{"spec.move." + p.name, "is not run where spec.move.data is snapshot: all that runs for the tenant is stopped before its volumes are taken; leave it out, or set spec.move.data to jobs"})
		}
	}
	return faults
}

func checkRanges(at string, ranges []string) (faults []FieldError) {
	for i, r := range ranges {
		if p, err := netip.ParsePrefix(r); err != nil || p.Masked() != p {
			faults = append(faults, FieldError{fmt.Sprintf("%s[%d]", at, i), fmt.Sprintf("%q is no range such as 203.0.113.0/24", Truncate(r))})
		}
	}
	return faults
}
