package execute

import (
	"cmp"
	"context"
	"slices"

	"github.com/aeriehq/aerie/cloud"
	ev "github.com/aeriehq/aerie/events"
)

// filled are the values of an addon's chart with what the cloud says in the places that they leave for it.
func (t *Task) filled(ctx context.Context, e ev.EnsureApplication) (map[string]any, error) {
	wanted := ev.Placeholders(e.Values)
	if len(wanted) == 0 {
		return e.Values, nil
	}
	o, err := t.CallCloud(e.Target, "ObserveAddon", func(c Cloud) (cloud.Observation, error) {
		return c.ObserveAddon(ctx, ScopeOf(e.Target), e.Cluster, cloud.AddonAutoscaler)
	})
	switch {
	case err != nil:
		return nil, err
	case o.Phase != cloud.Ready && slices.Contains(wanted, ev.InAutoscaler):
		return nil, &cloud.Error{Class: cloud.Invalid, Op: "ObserveAddon", Code: "NoAutoscaler", Message: "cluster " + e.Cluster + " has no role for an autoscaler; one that was there already gets none"}
	}
	return ev.Fill(e.Values, map[string]string{ev.InCluster: e.Cluster, ev.InRegion: cmp.Or(o.Region, e.Region), ev.InAutoscaler: o.ID}), nil
}
