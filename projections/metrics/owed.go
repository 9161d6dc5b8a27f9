package metrics

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/projections/state"
)

const (
	// mostAccounts bounds how many accounts are told by name.
	mostAccounts = 50
	// lookedAt is how many entities are looked at before others may go on with them.
	lookedAt = 256
	// nowhere is the account of what is in none, elsewhere that of all beyond mostAccounts.
	nowhere, elsewhere = "-", "other"
)

// owed is what the world owes at a moment.
type owed struct {
	oldest map[string]time.Time // account -> since when; zero: nothing is owed there
	how    map[string]int       // effect -> how many are owed it
	why    map[[2]string]int    // kind and reason -> how many are not as was asked for
}

// owedNow looks at all that is owed, few at a time: decisions go on meanwhile.
func owedNow(fold *state.Live) owed {
	o := owed{oldest: map[string]time.Time{nowhere: {}}, how: map[string]int{}, why: map[[2]string]int{}}
	var owing []events.Ref
	fold.View(func(w *state.Entities) {
		owing = w.Owing()
		w.EachTrouble(func(k events.Kind, code events.ReasonCode, n int) { o.why[[2]string{string(k), string(code)}] += n })
		w.Each(events.Account, func(e fsm.Entity[fsm.Data]) {
			if !fsm.Ended(e) {
				o.oldest[e.Ref.Path()] = time.Time{}
			}
		})
	})
	for some := range slices.Chunk(owing, lookedAt) {
		fold.View(func(w *state.Entities) {
			for _, ref := range some {
				o.add(w, ref)
			}
		})
	}
	return o
}

func (o owed) add(w *state.Entities, ref events.Ref) {
	e, _ := w.Get(ref)
	effect := fsm.Machines[ref.Kind].Owed(e)
	if effect == nil {
		return
	}
	o.how[effect.Effect()]++
	_, waits := effect.(fsm.WaitFor)
	if fsm.TroubleOf(e) == "" {
		why := events.InProgress
		if waits {
			why = events.Dependency
		}
		o.why[[2]string{string(ref.Kind), string(why)}]++
	}
	if waits {
		return
	}
	at := accountOf(w, ref, effect)
	if was := o.oldest[at]; was.IsZero() || e.OwedSince.Before(was) {
		o.oldest[at] = e.OwedSince
	}
}

// accountOf is the account that an effect is done in.
func accountOf(w *state.Entities, ref events.Ref, effect events.Effect) string {
	if ref.Kind == events.Account {
		return ref.Path()
	}
	sited, ok := effect.(interface{ Where() events.Target })
	if !ok {
		return nowhere
	}
	dp, _ := events.ParseRef(events.Dataplane, sited.Where().Dataplane)
	e, _ := w.Get(dp)
	d, ok := e.Data.(fsm.DataplaneData)
	if !ok {
		return nowhere
	}
	account, _ := events.ParseRef(events.Account, d.Spec.Account)
	return account.Path()
}

// send tells a scrape of it.
func (o owed) send(to chan<- prometheus.Metric, now time.Time) {
	accounts := slices.SortedFunc(maps.Keys(o.oldest), func(a, b string) int {
		return cmp.Or(cmp.Compare(o.age(b, now), o.age(a, now)), cmp.Compare(a, b))
	})
	for _, a := range accounts[:min(len(accounts), mostAccounts)] {
		Send(to, "aerie_oldest_owed_seconds", o.age(a, now).Seconds(), a)
	}
	if len(accounts) > mostAccounts {
		Send(to, "aerie_oldest_owed_seconds", o.age(accounts[mostAccounts], now).Seconds(), elsewhere)
	}
	for effect, n := range o.how {
		Send(to, "aerie_owed", n, effect)
	}
	for why, n := range o.why {
		Send(to, "aerie_not_ready", n, why[0], why[1])
	}
}

func (o owed) age(account string, now time.Time) time.Duration {
	if since := o.oldest[account]; !since.IsZero() {
		return max(0, now.Sub(since))
	}
	return 0
}
