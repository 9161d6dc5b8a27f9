package execute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/queue"
)

// errForeign is that an agent is asked for what is not its to do.
var errForeign = errors.New("the agent does not do this")

// effects read what is owed or was made, by its name.
var effects = map[string]func([]byte) (ev.Effect, error){
	ev.VerifyAccount{}.Effect():     strictly[ev.VerifyAccount],
	ev.EnsureNetwork{}.Effect():     strictly[ev.EnsureNetwork],
	ev.EnsureCluster{}.Effect():     strictly[ev.EnsureCluster],
	ev.EnsureSystemPool{}.Effect():  strictly[ev.EnsureSystemPool],
	ev.EnsureBase{}.Effect():        strictly[ev.EnsureBase],
	ev.EnsureCloudAddons{}.Effect(): strictly[ev.EnsureCloudAddons],
	ev.UpgradePools{}.Effect():      strictly[ev.UpgradePools],
	ev.EnsurePools{}.Effect():       strictly[ev.EnsurePools],
	ev.RetirePools{}.Effect():       strictly[ev.RetirePools],
	ev.EnsureTenant{}.Effect():      strictly[ev.EnsureTenant],
	ev.MoveTenant{}.Effect():        strictly[ev.MoveTenant],
	ev.RelocateTenant{}.Effect():    strictly[ev.RelocateTenant],
	ev.SuspendTenant{}.Effect():     strictly[ev.SuspendTenant],
	ev.ResumeTenant{}.Effect():      strictly[ev.ResumeTenant],
	ev.EnsureApplication{}.Effect(): strictly[ev.EnsureApplication],
	ev.RemoveOwned{}.Effect():       strictly[ev.RemoveOwned],
	ev.RemoveTenant{}.Effect():      strictly[ev.RemoveTenant],
	ev.RemoveApplication{}.Effect(): strictly[ev.RemoveApplication],
	ev.EnsureAddon{}.Effect():       strictly[ev.EnsureAddon],
	ev.RemoveAddon{}.Effect():       strictly[ev.RemoveAddon],
	ev.EnsureCell{}.Effect():        strictly[ev.EnsureCell],
	ev.RemoveCell{}.Effect():        strictly[ev.RemoveCell],
	ev.JoinTenant{}.Effect():        strictly[ev.JoinTenant],
	ev.RecordTenant{}.Effect():      strictly[ev.RecordTenant],
	ev.LeaveTenant{}.Effect():       strictly[ev.LeaveTenant],
	ev.ForgetTenant{}.Effect():      strictly[ev.ForgetTenant],
}

// strictly reads an effect all of whose fields are known: what is asked besides would not be done.
func strictly[E ev.Effect](args []byte) (ev.Effect, error) {
	var e E
	d := json.NewDecoder(bytes.NewReader(args))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		if strings.Contains(err.Error(), "unknown field") {
			return nil, fmt.Errorf("%s: %w: %w", e.Effect(), err, errTooOld)
		}
		return nil, fmt.Errorf("%w: %s: %w", errForeign, e.Effect(), err)
	}
	return e, nil
}

// ReadEffect reads an effect for an entity that an agent is told of, and holds it to the place: it is the customer's own
// entity, its own mark is what is written and looked for, and the account is one of those that agents enter. Whoever speaks
// for the control plane gets nothing else done.
func (c Channel) ReadEffect(ref ev.Ref, uid, name string, args []byte) (ev.Effect, error) {
	read := effects[name]
	if read == nil {
		return nil, fmt.Errorf("%s: %w", ev.Truncate(name), errTooOld)
	}
	effect, err := read(args)
	if err != nil {
		return nil, err
	}
	switch faults := ref.Check(); {
	case len(faults) > 0:
		return nil, fmt.Errorf("%w: %s", errForeign, faults[0].Message)
	case ref.Owner != c.Place.Owner || uid == "":
		return nil, fmt.Errorf("%w: %s is not of %s", errForeign, ref, c.Place.Owner)
	case queue.PlaceOf(effect) != c.Place || !queue.ByAgent(effect):
		return nil, fmt.Errorf("%w: it is not for %s.%s", errForeign, c.Place.Owner, c.Place.Dataplane)
	}
	if site, is := effect.(interface{ Where() ev.Target }); is && site.Where().Owner != ref.Mark(uid) {
		return nil, fmt.Errorf("%w: the mark %q is not that of %s", errForeign, ev.Truncate(site.Where().Owner), ref)
	}
	if t, is := effect.(ev.ForTenant); is && t.TenantRef() != ref {
		return nil, fmt.Errorf("%w: it names %s, and is for %s", errForeign, t.TenantRef(), ref)
	}
	if v, is := effect.(ev.VerifyAccount); is && v.Account.Role != "" {
		return nil, fmt.Errorf("%w: it takes no role", errForeign)
	}
	if m, is := effect.(ev.RelocateTenant); is {
		if m.Follow != nil && !c.ours(m.Follow.Site) {
			return nil, fmt.Errorf("%w: Secrets follow nobody out of the places of %s that agents work at, nor into them", errForeign, c.Place.Owner)
		}
		if m.Look != nil && !c.mayLookAt(m.Look.Site) {
			return nil, fmt.Errorf("%w: it is to look at %s", errForeign, m.Look.Site.Dataplane)
		}
	}
	return effect, nil
}

// mayLookAt tells whether an agent may be told of another place: one of the same owner's that agents enter, or one that no agent enters.
func (c Channel) mayLookAt(site ev.Target) bool { return !site.Account.Agent || c.ours(site) }

// ours tells whether a place is one of the same owner's whose account agents enter, with rights of their own.
func (c Channel) ours(site ev.Target) bool {
	dp, faults := ev.ParseRef(ev.Dataplane, site.Dataplane)
	return len(faults) == 0 && dp.Owner == c.Place.Owner && site.Account.Agent && site.Account.Role == ""
}
