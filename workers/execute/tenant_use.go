package execute

import (
	"context"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// TenantUse looks what a tenant's namespace takes of its quota, or takes when it is awake. It changes nothing.
func TenantUse(ctx context.Context, clouds map[string]Cloud, made ev.Effect) (ev.TenantUse, error) {
	suspended := false
	var e ev.EnsureTenant
	switch made := made.(type) {
	case ev.SuspendTenant:
		e, suspended = made.EnsureTenant, true
	case ev.EnsureTenant:
		e = made
	}
	var use tenant.Use
	t := NewTask(ev.Work{}, clouds, nil)
	err := t.inCluster(ctx, e.Target, e.Cluster, "ListUse", func(api kube.API) (err error) {
		use, err = tenant.InUse(ctx, api, t.TenantSpec(e), suspended)
		return err
	})
	return ev.TenantUse(use), err
}
