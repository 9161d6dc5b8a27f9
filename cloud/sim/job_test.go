package sim_test

import (
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/sim"
)

// A Job goes by the clock and by the fault script, also over a restart of the cloud.
func TestJobsRun(t *testing.T) {
	c := newClock()
	o := sim.Options{Dir: t.TempDir(), Now: c.Now, Times: sim.Times{Job: time.Minute}, Faults: []sim.Fault{
		{Op: "Apply", Match: "Job cell/bad", Issue: true, Message: "no such database"}, {Op: "Apply", Match: "Job cell/slow", Stuck: true}}}
	s := open(t, o)
	dataplane(t, s)
	must(t, s.Close())
	o.Speed = 1
	s = open(t, o)
	reach := func() kube.API {
		api, err := s.Kube(t.Context(), home, "c")
		must(t, err)
		return api
	}
	_, err := reach().Apply(t.Context(), kube.NewObject("v1", "Namespace", "", "cell", nil))
	must(t, err)
	spec := func(name string) job.Spec {
		return job.Spec{Namespace: "cell", Name: name, Owner: "U1", Try: "1", Image: "x", Deadline: 10 * time.Minute, Attempts: 3}
	}
	want := func(name string, done bool, code kube.Code) {
		t.Helper()
		is, err := job.Run(t.Context(), reach(), spec(name))
		if is != done || kube.CodeOf(err) != code {
			t.Errorf("%s: %v %v", name, is, err)
		}
	}
	for range 2 {
		for _, name := range []string{"good", "bad", "slow"} {
			want(name, false, "")
		}
		must(t, s.Close())
		o.Faults = nil
		s = open(t, o)
	}
	c.move(time.Minute)
	want("good", true, "")
	want("bad", false, kube.Invalid)
	want("slow", false, "")
	c.move(9 * time.Minute)
	want("slow", false, kube.Invalid)
}
