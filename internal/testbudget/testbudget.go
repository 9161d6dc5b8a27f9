// Package testbudget says how much of what could be tried a run of the tests tries: how many lives are simulated, at how many
// of all calls something is killed, how many errors are provoked.
//
// There are three sizes of a run. With -short it is as little as shows that a test still works, for the race detector; else
// what CI has the time for; and with AERIE_TESTS=soak, as make soak sets it, all. Whoever adds a cloud, an agent or a move adds a
// row here: all of it to a soak, what a minute holds to CI. Which part of all a run tries its test chooses, and prints. A test's
// own flag has the last word.
package testbudget

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// Variable is the environment variable that makes a run a soak, by the value Soak.
const (
	Variable = "AERIE_TESTS"
	Soak     = "soak"
)

// Name names something of which there is more than a run can try.
type Name string

// What there is more of than a run can try.
const (
	Lives           Name = "lives of all kinds"
	Moves           Name = "lives of tenants that go from one cluster to another"
	MovesInLives    Name = "moves that these lives must make at least"
	MovesOfSharers  Name = "lives of tenants that go from one shared cell to another"
	MovesOfTerms    Name = "tenants that move to other terms at once"
	MovesOfClusters Name = "tenants that move to another cluster at once"
	Handovers       Name = "lives of dataplanes that go from the control plane to an agent and back"
	HandoverPhases  Name = "phases in which a dataplane is handed to an agent and back, of which one in so many is tried"
	LinkCuts        Name = "moments at which an agent is cut off, of which one in so many is tried"
	AWSCalls        Name = "calls of the provider to AWS, of which one in so many is struck"
	AWSParts        Name = "parts of the calls of a life on AWS, each of which is one life with kills; one of them is tried, but all if they are 10 or less"
	AgentParts      Name = "parts of the calls to AWS of a life where an agent works, as those of a life on AWS"
	AWSKills        Name = "random kills of the program that works on AWS"
	AWSErrors       Name = "errors of AWS, of which one in so many is provoked"
	HostileHTTP     Name = "attempts of a hostile customer over HTTP that follow from the program's own tables, of which one in so many is made"
	LeaderKills     Name = "kills of the log's leader"
	KubeKills       Name = "kills in the middle of an operation on a real Kubernetes"
)

// A size is how many are tried in a run of each size; of HandoverPhases, LinkCuts, AWSCalls, AWSErrors, AWSParts and AgentParts it
// divides, so that less is more.
type size struct{ short, ci, soak int }

var sizes = map[Name]size{
	Lives:           {50, 500, 10000},
	Moves:           {3, 200, 4000},
	MovesInLives:    {1, 500, 10000},
	MovesOfSharers:  {3, 20, 1000},
	MovesOfTerms:    {50, 1000, 1000},
	MovesOfClusters: {10, 100, 1000},
	Handovers:       {2, 20, 1000},
	HandoverPhases:  {12, 2, 1},
	LinkCuts:        {24, 5, 1},
	AWSCalls:        {200, 50, 1},
	AWSParts:        {120, 120, 6},
	AgentParts:      {120, 120, 6},
	AWSKills:        {0, 0, 1000},
	AWSErrors:       {12, 6, 1},
	HostileHTTP:     {20, 10, 1},
	LeaderKills:     {5, 20, 200},
	KubeKills:       {1, 1, 25},
}

// Of says how much of something this run tries, or how it is divided. A flag that is not 0 has the last word, and a soak comes before
// -short. What a soak would do is in the test's log, if that is something else.
func Of(t testing.TB, what Name, flag int) int {
	t.Helper()
	s, known := sizes[what]
	if !known {
		t.Fatalf("no budget for %q", what)
	}
	n := s.ci
	switch {
	case flag != 0:
		n = flag
	case os.Getenv(Variable) == Soak:
		n = s.soak
	case testing.Short():
		n = s.short
	}
	if n != s.soak {
		t.Logf("%s: %d, and %d in a soak", what, n, s.soak)
	}
	return n
}

// waitingTests is how many tests run at once for each processor that mostly wait.
const waitingTests = 3

// WaitTogether has more of a package's parallel tests run at once than there are processors, unless -parallel says how many: most of
// the time they wait for a disk, or for a process that waits for a cloud. It reads the flags, and is for TestMain.
func WaitTogether() {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		_ = flag.Set("test.parallel", strconv.Itoa(waitingTests*runtime.GOMAXPROCS(0)))
	}
}
