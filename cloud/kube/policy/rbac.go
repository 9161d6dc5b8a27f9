package policy

import (
	"github.com/aeriehq/aerie/cloud/kube"
)

// Who may do what in a tenant's namespace; see TenantRights.
const (
	// InstallerKinds is the role of the whole cluster that every tenant's installer has in its own namespace, beside its
	// own one: that of the kinds which addons bring along. The cluster puts it together from the roles with LabelInstaller.
	InstallerKinds = "aerie:installer"
	// WorkloadAccount is the service account made for a tenant's workloads: it may read the configuration, services and
	// pods of its own namespace, no secrets, and its token is mounted only where a pod asks for it.
	WorkloadAccount = "workload"
	// InstallerAccount is the service account that applications are installed as: it may write what one consists of, and
	// nothing by which a tenant would lift its own bounds. No pod gets its token.
	InstallerAccount = "aerie-installer"
	// installerMore is the binding of what addons let it do besides.
	installerMore = InstallerAccount + "-kinds"
	// people is the role of the tenant's people, who are a group: see PeopleGroup.
	people = "aerie-people"
)

// PeopleGroup is the group that a customer's people are in when they come to a cluster: they may see what runs in
// their tenants' namespaces, read its logs and restart a pod; no secrets, no shells, no changes.
func PeopleGroup(customer string) string { return "aerie:customer:" + customer }

// TenantRights are the service accounts of a namespace, and what they and the customer's people may do there.
func TenantRights(namespace, customer string) []kube.Object {
	group := map[string]any{"kind": "Group", "apiGroup": kube.Group(kube.RBACAPI), "name": PeopleGroup(customer)}
	objects := []kube.Object{ServiceAccount(namespace, WorkloadAccount), ServiceAccount(namespace, InstallerAccount)}
	objects = append(objects, grant(namespace, WorkloadAccount, workloadRules, accountSubject(namespace, WorkloadAccount))...)
	installer := accountSubject(namespace, InstallerAccount)
	objects = append(objects, grant(namespace, InstallerAccount, installerRules, installer)...)
	objects = append(objects, binding(namespace, installerMore, "ClusterRole", InstallerKinds, installer))
	return append(objects, grant(namespace, people, peopleRules, group)...)
}

// ServiceAccount is a service account whose token no pod gets unless it asks for it.
func ServiceAccount(namespace, name string) kube.Object {
	o := kube.NewObject("v1", "ServiceAccount", namespace, name, nil)
	o["automountServiceAccountToken"] = false
	return o
}

// accountSubject is a service account as a binding names it.
func accountSubject(namespace, name string) map[string]any {
	return map[string]any{"kind": "ServiceAccount", "name": name, "namespace": namespace}
}

// grant is a role of some rules and its binding to a subject.
func grant(namespace, name string, rules []any, subject map[string]any) []kube.Object {
	role := kube.NewObject(kube.RBACAPI, "Role", namespace, name, nil)
	role["rules"] = rules
	return []kube.Object{role, binding(namespace, name, "Role", name, subject)}
}

// binding gives a subject what a role allows, in a namespace.
func binding(namespace, name, kind, role string, subject map[string]any) kube.Object {
	return bind(kube.NewObject(kube.RBACAPI, "RoleBinding", namespace, name, nil), kind, role, subject)
}

// BindInstaller has a binding let the installer of a namespace do everything where the binding holds.
func BindInstaller(o kube.Object, namespace string) kube.Object {
	return bind(o, "ClusterRole", "cluster-admin", accountSubject(namespace, InstallerAccount))
}

func bind(o kube.Object, kind, role string, subject map[string]any) kube.Object {
	o["roleRef"] = map[string]any{"apiGroup": kube.Group(kube.RBACAPI), "kind": kind, "name": role}
	o["subjects"] = []any{subject}
	return o
}

// The rules, which all tenants share.
var (
	reading = []any{"get", "list", "watch"}
	writing = []any{"get", "list", "watch", "create", "update", "patch", "delete"}

	workloadRules = []any{rule("", reading, "configmaps", "pods", "services")}

	peopleRules = []any{
		rule("", reading, "configmaps", "events", "limitranges", "persistentvolumeclaims", "pods", "resourcequotas", "services"),
		rule("", []any{"get"}, "pods/log"),
		rule("", []any{"delete"}, "pods"),
		rule("apps", reading, "deployments", "replicasets", "statefulsets"),
		rule("autoscaling", reading, "horizontalpodautoscalers"),
		rule("batch", reading, "cronjobs", "jobs"),
		rule("discovery.k8s.io", reading, "endpointslices"),
		rule("networking.k8s.io", reading, "ingresses", "networkpolicies"),
		rule("policy", reading, "poddisruptionbudgets"),
	}

	// installerRules have no DaemonSets: those would run a tenant's pods on everybody's machines.
	installerRules = []any{
		rule("", writing, "configmaps", "persistentvolumeclaims", "pods", "secrets", "serviceaccounts", "services"),
		rule("", reading, "endpoints", "events"),
		rule("apps", writing, "deployments", "statefulsets"),
		rule("apps", reading, "controllerrevisions", "replicasets"),
		rule("autoscaling", writing, "horizontalpodautoscalers"),
		rule("batch", writing, "cronjobs", "jobs"),
		rule("networking.k8s.io", writing, "ingresses"),
		rule("policy", writing, "poddisruptionbudgets"),
		rule(kube.Group(kube.RBACAPI), writing, "roles", "rolebindings"), // of no right that it has not itself: the API server sees to that
	}
)

func rule(group string, verbs []any, resources ...any) any {
	return map[string]any{"apiGroups": []any{group}, "resources": resources, "verbs": verbs}
}
