package events

import (
	"fmt"
	"time"
)

// PlanSuspension are the programs by which operators stop what they run for a tenant of a plan, and run it again.
type PlanSuspension struct {
	Suspend *PlanJob `json:"suspend,omitempty" doc:"Run when a tenant is suspended, before what has a scale is stopped: it has operators stop what they run for it; its deadline is at most 1h"`
	Resume  *PlanJob `json:"resume,omitempty" doc:"Run when it is resumed, and when it could not be suspended: it has operators run that again; its deadline is at most 1h"`
	Egress  []string `json:"egress,omitempty" maxItems:"50" pattern:"^[0-9A-Fa-f:.]{2,39}/[0-9]{1,3}$" doc:"address ranges that these programs, and those that its applications name, may connect to, such as 203.0.113.0/24"`
}

// ApplicationSuspension are the programs by which operators stop what they run of an application, and run it again.
type ApplicationSuspension struct {
	Suspend *PlanJob `json:"suspend,omitempty" doc:"Run when its tenant is suspended, before what has a scale is stopped: it has operators stop what they run of it; its deadline is at most 1h"`
	Resume  *PlanJob `json:"resume,omitempty" doc:"Run when its tenant is resumed, and when that could not be suspended: it has operators run that again; its deadline is at most 1h"`
}

// The steps of programs by which a tenant is suspended and resumed.
const (
	StepSuspend = "suspend"
	StepResume  = "resume"
)

// SuspensionPrograms are all that are run when a tenant is suspended, and when it is resumed.
type SuspensionPrograms struct {
	Jobs   []MoveJob `json:"jobs"`             // none: nobody names any who did
	Egress []string  `json:"egress,omitempty"` // address ranges that they may connect to
}

// Jobs are the programs that the plan names.
func (s *PlanSuspension) Jobs() []MoveJob {
	if s == nil {
		return nil
	}
	return suspensionJobs("", s.Suspend, s.Resume)
}

// Jobs are the programs, as those of an application.
func (s *ApplicationSuspension) Jobs(app string) []MoveJob {
	if s == nil {
		return nil
	}
	return suspensionJobs(app, s.Suspend, s.Resume)
}

func suspensionJobs(app string, suspend, resume *PlanJob) (all []MoveJob) {
	if suspend != nil {
		all = append(all, MoveJob{StepSuspend, app, *suspend})
	}
	if resume != nil {
		all = append(all, MoveJob{StepResume, app, *resume})
	}
	return all
}

// longestSuspension is how long a program of a suspension may take: customers' people name those of applications.
const longestSuspension = time.Hour

// checkSuspension refuses one of two programs without the other, and one that may take too long.
func checkSuspension(jobs []MoveJob) (faults []FieldError) {
	for _, j := range jobs {
		if j.Job.Within() > longestSuspension {
			faults = append(faults, FieldError{"spec.suspension." + j.Step + ".deadline", fmt.Sprintf("%s is too long: at most 1h", j.Job.Deadline)})
		}
	}
	switch {
	case len(jobs) != 1:
		return faults
	case jobs[0].Step == StepSuspend:
		return append(faults, FieldError{"spec.suspension.resume", "is missing: what is stopped must be run again"})
	}
	return append(faults, FieldError{"spec.suspension.suspend", "is missing: nothing would be stopped that could be run again"})
}
