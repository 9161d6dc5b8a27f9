package execute

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/job"
	"github.com/aeriehq/aerie/cloud/kube/tenant"
	ev "github.com/aeriehq/aerie/events"
)

// runPrograms runs the programs of a step side by side, and tells whether all have come to a good end. They may run twice.
func (t *Task) runPrograms(ctx context.Context, api kube.API, spec tenant.Spec, e ev.RelocateTenant) (done bool, err error) {
	p := e.Programs
	if p == nil || len(p.Jobs) == 0 {
		return true, nil
	}
	lets := tenant.Programs{Egress: append(otherSide(e), p.Egress...), Bounded: e.Move == ""}
	switch {
	case p.Beside && p.SourceRecord != "":
		lets.Cell = p.Source
	case p.Beside:
		lets.Cell = p.Target
	}
	for _, j := range p.Jobs {
		lets.Secrets = append(lets.Secrets, j.Job.Secrets...)
	}
	slices.Sort(lets.Secrets)
	lets.Secrets = slices.Compact(lets.Secrets)
	if e.Step != ev.StepRedirect {
		lets.Ingress = p.Ingress // what is open lets in whom its plan says
	}
	if err := tenant.Allow(ctx, api, spec, lets); err != nil {
		return false, err
	}
	return runAll(ctx, api, p.Jobs, func(j ev.MoveJob) job.Spec { return t.programOf(spec, e, j) })
}

// runAll runs programs side by side, and tells whether all have come to a good end.
func runAll(ctx context.Context, api kube.API, programs []ev.MoveJob, of func(ev.MoveJob) job.Spec) (done bool, err error) {
	done = true
	for _, j := range programs {
		ended, err := job.Run(ctx, api, of(j))
		if err != nil {
			return false, err
		}
		done = done && ended
	}
	return done, nil
}

// unquiesce undoes what the programs have done that had the source rest. When it is open that has been done: then it is open for
// good. Where none was ever asked to have it rest, there is nothing to undo.
func (t *Task) unquiesce(ctx context.Context, api kube.API, spec tenant.Spec, e ev.RelocateTenant) (done bool, err error) {
	if e.Programs == nil {
		return true, nil
	}
	open, err := tenant.IsOpen(ctx, api, tenant.Stay{Namespace: spec.Namespace, Owner: spec.Owner, Name: spec.Stay})
	if err != nil || open {
		return open, err
	}
	// From here on a call that comes late runs none. What is not there is made closed when it is to be opened, and is looked at again then.
	spec.Closed = true
	if err := tenant.Change(ctx, api, spec); err != nil {
		return kube.CodeOf(err) == kube.NotFound, kube.IgnoreNotFound(err)
	}
	if had, err := tenant.HadPrograms(ctx, api, spec); err != nil || !had {
		return !had, err
	}
	if gone, err := t.endJobs(ctx, api, tenant.ProgramsNamespace(spec.Namespace), e, ev.StepQuiesce); err != nil || !gone {
		return false, err
	}
	return t.runPrograms(ctx, api, spec, e)
}

// endJobs ends the Jobs of an opposite step that must have ended first, and tells whether all are gone.
func (t *Task) endJobs(ctx context.Context, api kube.API, namespace string, e ev.RelocateTenant, step string) (gone bool, err error) {
	for _, app := range e.Programs.Stops {
		if gone, err := job.Remove(ctx, api, namespace, t.programName(e, step, app), t.UID); err != nil || !gone {
			return false, err
		}
	}
	return true, nil
}

// stopPrograms ends what programs do where a tenant was to go, and tells whether none runs there any more.
func stopPrograms(ctx context.Context, api kube.API, spec tenant.Spec) (done bool, err error) {
	if err := tenant.StopPrograms(ctx, api, spec); err != nil {
		return false, err
	}
	left, err := programsRemain(ctx, api, spec.Namespace, spec.Owner)
	return !left, err
}

// programName names the Job of a step of a move, or of a suspension: it is one however often it is asked for.
func (t *Task) programName(e ev.RelocateTenant, step, app string) string {
	sum := sha256.Sum256([]byte(e.Move + "/" + t.UID + "/" + app))
	return strings.ToLower("move-" + step + "-" + base32.StdEncoding.EncodeToString(sum[:10]))
}

// programOf is the Job of a program. One that has failed is another try's if more attempts at it were counted since.
func (t *Task) programOf(spec tenant.Spec, e ev.RelocateTenant, j ev.MoveJob) job.Spec {
	p := e.Programs
	env := map[string]string{"AERIE_CUSTOMER": e.Customer, "AERIE_TENANT": e.Tenant, "AERIE_TENANT_UID": t.UID,
		"AERIE_STEP": j.Step, "AERIE_APPLICATION": j.App, "AERIE_SOURCE_NAMESPACE": p.Source}
	if e.Move != "" {
		env["AERIE_MOVE"], env["AERIE_ROLE"], env["AERIE_TARGET_NAMESPACE"] = e.Move, "active", p.Target
		if j.Step == ev.StepCopy || j.Step == ev.StepVerify {
			env["AERIE_ROLE"] = "standby"
		}
	}
	for name, record := range map[string]string{"AERIE_SOURCE_RECORD": p.SourceRecord, "AERIE_TARGET_RECORD": p.TargetRecord} {
		if record != "" {
			env[name] = record
		}
	}
	quota(env, p.Quota)
	addresses(env, "AERIE_SOURCE_", p.Here)
	addresses(env, "AERIE_TARGET_", p.There)
	maps.Copy(env, j.Job.Env)
	s := job.Spec{Namespace: tenant.ProgramsNamespace(spec.Namespace), Name: t.programName(e, j.Step, j.App),
		Owner: t.UID, Try: strconv.Itoa(t.Attempt), Round: p.Round,
		Labels: map[string]string{kube.LabelCustomer: e.Customer, kube.LabelTenant: e.Tenant},
		Image:  j.Job.Image, Command: j.Job.Command, Env: env, Secrets: j.Job.Secrets,
		Deadline: j.Job.Within(), Attempts: j.Job.Attempts}
	if spec.Infra != "" {
		s.Nodes = map[string]string{kube.LabelTenantInfra: spec.Infra}
	}
	return s
}

// quota adds to an environment what a tenant may use where it is, or where it goes to: who knows what it uses can say that it does not fit.
func quota(env map[string]string, q ev.PlanQuota) {
	if q == (ev.PlanQuota{}) {
		return
	}
	env["AERIE_QUOTA_CPU"], env["AERIE_QUOTA_MEMORY"], env["AERIE_QUOTA_STORAGE"], env["AERIE_QUOTA_PODS"] = q.CPU, q.Memory, q.Storage, strconv.Itoa(q.Pods)
}

// addresses adds endpoints to an environment, such as AERIE_SOURCE_PG_DB for the endpoint db of application pg.
func addresses(env map[string]string, prefix string, of []ev.EndpointAddress) {
	for _, a := range of {
		name := strings.ToUpper(strings.ReplaceAll(a.App+"_"+a.Name, "-", "_"))
		env[prefix+name] = net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	}
}

// otherSide are the addresses of the endpoints of the other side, as ranges; one that is a name is in a range that the plan names.
func otherSide(e ev.RelocateTenant) (ranges []string) {
	other := e.Programs.Here
	if e.Step == ev.StepQuiesce || e.Step == ev.StepAbort {
		other = e.Programs.There
	}
	for _, a := range other {
		if ip, err := netip.ParseAddr(a.Host); err == nil {
			ranges = append(ranges, netip.PrefixFrom(ip, ip.BitLen()).String())
		}
	}
	return ranges
}

// endpoints finds where an application is reached; one whose load balancer has no address yet is not found.
func endpoints(ctx context.Context, api kube.API, e ev.EnsureApplication) (found []ev.EndpointAddress, all bool, err error) {
	for _, at := range e.Endpoints {
		k := kube.Key{APIVersion: "v1", Kind: "Service", Namespace: e.Namespace, Name: at.Service}
		service, err := kube.Find(ctx, api, k)
		if err != nil {
			return nil, false, err
		}
		if service == nil {
			why := "spec.endpoints names a Service that the application does not have"
			return nil, false, kube.Fail(kube.Invalid, "find endpoint "+at.Name, k, why)
		}
		host := at.Service + "." + e.Namespace + ".svc.cluster.local"
		if kube.MapOf(service["spec"])["type"] == "LoadBalancer" {
			if host = balancer(service); host == "" {
				return nil, false, nil
			}
		}
		found = append(found, ev.EndpointAddress{Name: at.Name, Host: host, Port: at.Port})
	}
	return found, true, nil
}

// balancer is the address of a Service's load balancer; empty if it has none yet.
func balancer(service kube.Object) string {
	for _, at := range kube.MapsOf(kube.Nested(service, "status", "loadBalancer")["ingress"]) {
		if host := cmp.Or(kube.StringOf(at["ip"]), kube.StringOf(at["hostname"])); host != "" {
			return host
		}
	}
	return ""
}
