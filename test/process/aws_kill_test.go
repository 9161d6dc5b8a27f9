package process

import (
	"cmp"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/internal/testbudget"
)

var (
	// awsParts is into how many parts the calls of a life are divided. All of them are tried, one life each; but of many
	// only one that chance chooses.
	awsParts = flag.Int("aws-parts", 0, "parts of the calls to AWS at each of which the server is killed; up to 10 all of them; 0: as internal/testbudget says")
	// awsPart is the only part that is tried.
	awsPart = flag.Int("aws-part", -1, "the one part of them that is tried, from 0; -1 is the choice of -aws-parts")
	// awsKills is how often the server is killed at random calls.
	awsKills = flag.Int("aws-kills", 0, "random kills of the server that works in AWS; 0: as internal/testbudget says")
	// awsSeed is what chance goes by in the tests of AWS.
	awsSeed = flag.Uint64("aws-seed", 0, "what the tests of AWS choose by, as they print it; 0 is another one each time")
)

// chance chooses, and prints by what: with that it chooses the same again.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := cmp.Or(*awsSeed, rand.Uint64())
	t.Logf("-aws-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// partsOf says in how many parts the calls of a life are struck, and from which to before which they are in this run: all if they are few,
// else one by chance, or the one that was asked for; and how fast the cloud's time goes.
func partsOf(t *testing.T, what testbudget.Name) (parts, first, last int, speed float64) {
	t.Helper()
	parts = testbudget.Of(t, what, *awsParts)
	first, last, speed = 0, parts, killSpeed
	if parts > 10 {
		first, speed = chance(t).IntN(parts), sampleSpeed
		last = first + 1
	}
	if *awsPart >= 0 {
		first, last = *awsPart, *awsPart+1
	}
	return parts, first, last, speed
}

// TestKilledAtEachCallToAWS lives a dataplane's life in an emulated AWS, and has the real program killed at each call of
// it to the cloud: once before the call has its effect, and once after that and before its answer.
func TestKilledAtEachCallToAWS(t *testing.T) {
	if testing.Short() {
		t.Skip("lives a dataplane's whole life")
	}
	t.Parallel()
	parts, first, last, speed := partsOf(t, testbudget.AWSParts)
	c := &coverage{met: map[string]bool{}, hit: map[string]bool{}}
	for part := first; part < last; part++ {
		t.Logf("part %d of %d", part, parts)
		c.live(t, speed, everyCall(part, parts))
	}
	if parts <= 10 && *awsPart < 0 {
		for n := 0; n < moreLives && len(c.missed()) > 0; n++ { // what one life has to do another may not
			t.Logf("another life for %s", strings.Join(c.missed(), ", "))
			c.live(t, speed, onceEach(c.missed()))
		}
		for _, call := range c.missed() {
			t.Errorf("never killed at %s", call)
		}
	}
	t.Logf("%d kills; %d of %d calls were hit", c.kills, len(c.hit), len(c.met))
}

// moreLives is how many more lives are lived for calls that were met in some life, but not in the one that was to end at
// them.
const moreLives = 3

// coverage is which calls were met in lives, and at which the server was killed before they had their effect.
type coverage struct {
	met, hit map[string]bool
	kills    int
}

func (c *coverage) live(t *testing.T, speed float64, choose func(meeting) bool) {
	g := wholeLife(t, speed, func(m meeting) bool {
		chosen := choose(m)
		if chosen && m.status == 0 {
			c.hit[m.call()] = true
		}
		return chosen
	})
	c.kills += g.tell(t)
	maps.Copy(c.met, g.met)
}

// missed are the calls at which the server was never killed. One that only looks may be met in some lives alone.
func (c *coverage) missed() (calls []string) {
	for call := range c.met {
		if !c.hit[call] && !reads.MatchString(call) {
			calls = append(calls, call)
		}
	}
	slices.Sort(calls)
	return calls
}

// onceEach chooses each of some calls once, before it has its effect.
func onceEach(calls []string) func(meeting) bool {
	done := map[string]bool{}
	return func(m meeting) bool {
		call := m.call()
		if m.status != 0 || done[call] || !slices.Contains(calls, call) {
			return false
		}
		done[call] = true
		return true
	}
}

// killSpeed is fast, and yet so slow that a server which is killed at every few calls has time to build a network;
// sampleSpeed is for one that is killed a few times.
const (
	killSpeed   = 60.0
	sampleSpeed = 600.0
)

// callsBetween is how many calls at most lie between two random kills: a server that is given fewer than one look at a
// network takes does not come any further.
const callsBetween = 60

// TestKilledOnAWS lives dataplanes' lives in an emulated AWS that loses answers, throttles and shows old news, and has the
// real program killed at random calls meanwhile.
func TestKilledOnAWS(t *testing.T) {
	kills := testbudget.Of(t, testbudget.AWSKills, *awsKills)
	if kills == 0 {
		t.Skip("-aws-kills says how often: make soak does")
	}
	random := chance(t)
	for done := 0; done < kills; {
		next := 0
		g := wholeLife(t, 2*killSpeed, func(meeting) bool {
			next--
			if next > 0 {
				return false
			}
			next = 1 + random.IntN(2*callsBetween) // a call is met twice
			return true
		}, trouble(random)...)
		done += g.tell(t)
		t.Logf("%d kills", done)
	}
}

// callsOfALife is about how many calls of one service a life has.
const callsOfALife = 300

// trouble is a script of faults: some calls of each service are cut before or after their effect, throttled, or seen late.
func trouble(random *rand.Rand) (script []emulator.Fault) {
	for range 40 {
		f := emulator.Fault{Op: []string{"ec2:*", "eks:*", "iam:*", "sts:*"}[random.IntN(4)], Nth: 1 + random.IntN(callsOfALife)}
		switch random.IntN(4) {
		case 0:
			f.Lost = true
		case 1:
			f.Cut = true
		case 2:
			f.Throttle, f.Times = true, 1+random.IntN(3)
		case 3: // mostly shorter than what is waited before something is made without a token, now and then longer
			f.Stale = emulator.Duration{Duration: time.Duration(1+random.IntN(150)) * time.Millisecond}
		}
		script = append(script, f)
	}
	return script
}

// TestKilledWhileAPoolIsReplaced has the real program killed at each call that it makes while a pool gets other machines.
func TestKilledWhileAPoolIsReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("lives a dataplane's whole life")
	}
	t.Parallel()
	each := everyCall(0, 1)
	g := wholeLife(t, sampleSpeed, func(m meeting) bool { return strings.HasPrefix(m.stage, "replace") && each(m) })
	g.tell(t)
}
