package events

import "fmt"

// ApplicationSpec is what is installed for a tenant: a Helm chart with values, or Kubernetes objects as they are.
type ApplicationSpec struct {
	Chart     Chart            `json:"chart,omitzero" doc:"The Helm chart to install; instead of manifests"`
	Values    map[string]any   `json:"values,omitempty" doc:"What the chart is given; ${secret:store/name#key} stands for a secret"`
	Manifests []map[string]any `json:"manifests,omitempty" maxItems:"50" doc:"Kubernetes objects as they are; they go into the tenant's namespace; in the data of a Secret ${secret:store/name#key} stands for a secret"`
	Plain     []string         `json:"plain,omitempty" maxItems:"100" maxLength:"400" doc:"Paths of texts that are no secrets, though they stand under keys that name one, or beside references in a Secret; as the refusal writes them, such as values.auth.password"`

	Endpoints []Endpoint       `json:"endpoints,omitempty" maxItems:"20" doc:"Where it is reached, by its Services: shown as observed.endpoints, and told to the programs of moves"`
	Move      *ApplicationMove `json:"move,omitempty" doc:"The programs by which its data comes along to another cluster, if the plan that its tenant goes to says jobs"`

	Suspension *ApplicationSuspension `json:"suspension,omitempty" doc:"The programs by which operators stop what they run of it when its tenant is suspended"`
}

// Endpoint is a place where an application is reached.
type Endpoint struct {
	Name    string `json:"name" required:"true" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"its name, such as db"`
	Service string `json:"service" required:"true" pattern:"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$" doc:"the Service in the tenant's namespace"`
	Port    int    `json:"port" required:"true" minimum:"1" maximum:"65535" doc:"the port of that Service"`
}

// EndpointAddress is where an endpoint was found.
type EndpointAddress struct {
	App  string `json:"app,omitempty" doc:"Which application's it is; absent where it is that one's own"`
	Name string `json:"name" doc:"Its name, such as db"`
	Host string `json:"host" doc:"The address of its load balancer, or else its name within the cluster"`
	Port int    `json:"port" doc:"The port"`
}

// ApplicationMove are the programs by which an application comes along to another cluster.
type ApplicationMove struct {
	Quiesce   *PlanJob `json:"quiesce,omitempty" doc:"Run where its tenant is when that is closed: it ends connections, and lets its data rest"`
	Copy      *PlanJob `json:"copy,omitempty" doc:"Run where its tenant goes to, behind quiesce: it brings its data there"`
	Verify    *PlanJob `json:"verify,omitempty" doc:"Run where its tenant goes to, behind copy: it fails if something is missing, and the tenant is brought back"`
	Unquiesce *PlanJob `json:"unquiesce,omitempty" doc:"Run where its tenant is when the move is given up behind quiesce, before it is opened again; it is run again until it succeeds"`
	Switch    *PlanJob `json:"switch,omitempty" doc:"Run where its tenant has moved to, once it is open there; it is run again until it succeeds"`
}

// Jobs are the programs, as those of an application.
func (m *ApplicationMove) Jobs(app string) []MoveJob {
	if m == nil {
		return nil
	}
	return moveJobs(app, m.Quiesce, m.Copy, m.Verify, m.Unquiesce, m.Switch)
}

// Chart says which Helm chart, exactly.
type Chart struct {
	Name        string `json:"name,omitempty" pattern:"^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$" doc:"the chart's name"`
	Version     string `json:"version,omitempty" maxLength:"64" pattern:"^v?[0-9]+(\\.[0-9]+){0,2}([-+][0-9A-Za-z.+-]+)?$" doc:"its exact version, such as 1.4.2; a v before it makes no difference"`
	Repository  string `json:"repository,omitempty" maxLength:"400" pattern:"^(https|oci)://[^@\\s]+$" doc:"where it is from, https:// or oci://; empty: one of the server's own charts"`
	Credentials string `json:"credentials,omitempty" maxLength:"40" pattern:"^[a-z][a-z0-9-]*$" doc:"the name under which the server keeps the owner's login for the repository"`
	Timeout     int    `json:"timeout,omitempty" minimum:"0" maximum:"3600" doc:"how many seconds its hooks may take; 0: 300"`
}

// Application is the kind of what is installed for a tenant.
const Application Kind = "application"

var applicationKind = Descriptor{
	Kind: Application, Plural: "applications", Doc: "what is installed for a tenant",
	Owner: ByCustomers, Parent: Tenant, Spec: ApplicationSpec{}, Verbs: CommonVerbs(rollbackVerb, adoptVerb, disownVerb), Marked: true,
	Access: Access{ForCustomers: true},
}

// Kind is Application.
func (ApplicationSpec) Kind() Kind { return Application }

// Check wants either a chart or manifests. What Kubernetes would refuse is found when it is installed.
func (s ApplicationSpec) Check() []FieldError {
	faults := append(s.Content().check(), checkEndpoints(s.Endpoints)...)
	if m := s.Move; m != nil && m.Copy != nil && m.Quiesce == nil {
		faults = append(faults, needsQuiesce)
	}
	return append(faults, checkSuspension(s.Suspension.Jobs(""))...)
}

// checkEndpoints refuses two of one name.
func checkEndpoints(all []Endpoint) (faults []FieldError) {
	seen := map[string]bool{}
	for i, e := range all {
		if seen[e.Name] {
			faults = append(faults, FieldError{fmt.Sprintf("spec.endpoints[%d].name", i), fmt.Sprintf("%q is there twice: each endpoint needs a name of its own", e.Name)})
		}
		seen[e.Name] = true
	}
	return faults
}

// Content is what is installed.
func (s ApplicationSpec) Content() Content {
	return Content{s.Chart, s.Values, s.Manifests, s.Plain}
}

// Installed is a spec of what is installed in a cluster: an application's, or an addon's.
type Installed interface {
	Spec
	// Content is what is installed.
	Content() Content
}

// Content is what is installed in a cluster: a chart with values, or manifests.
type Content struct {
	Chart     Chart
	Values    map[string]any
	Manifests []map[string]any
	Plain     []string
}

func (s Content) check() (faults []FieldError) {
	c := s.Chart
	faults = append(s.checkSecretRefs(), s.checkPlain()...)
	switch {
	case c == Chart{} && len(s.Manifests) == 0:
		return append(faults, FieldError{"spec", "give a chart, or manifests"})
	case c == Chart{} && len(s.Values) > 0:
		return append(faults, FieldError{"spec.values", "values are for a chart: give one"})
	case c == Chart{}:
		return faults
	case len(s.Manifests) > 0:
		faults = append(faults, FieldError{"spec.manifests", "give a chart or manifests, not both"})
	}
	if c.Name == "" {
		faults = append(faults, FieldError{"spec.chart.name", "is missing: the chart's name"})
	}
	if c.Version == "" {
		faults = append(faults, FieldError{"spec.chart.version", "is missing: its version, exactly, such as 1.4.2"})
	}
	if c.Credentials != "" && c.Repository == "" {
		faults = append(faults, FieldError{"spec.chart.credentials", "are for a repository: give one"})
	}
	return faults
}

type (
	// InstallingStarted says that the tenant, or the dataplane, is ready.
	InstallingStarted struct {
		Site      Target `json:"site"`
		Cluster   string `json:"cluster"`
		Namespace string `json:"namespace"`
	}
	// Deployed says that everything of the application is in the cluster.
	Deployed struct {
		Revision  int               `json:"revision"` // of the application's spec, from 1
		Objects   []string          `json:"objects"`
		Calls     []Call            `json:"calls,omitempty"`
		Endpoints []EndpointAddress `json:"endpoints,omitempty"` // where it is reached, by what it names
	}
	// RollbackRequested says that somebody wants back what was deployed before.
	RollbackRequested[S Installed] struct {
		To   int `json:"to"` // the revision that had this spec
		Spec S   `json:"spec"`
	}
	// RollingBackStarted says that an upgrade has failed, and what was deployed before is brought back.
	RollingBackStarted struct {
		To     int `json:"to"`
		Reason     // why the upgrade was given up
	}
	// RolledBack says that what was deployed before a failed upgrade is there again.
	RolledBack struct {
		Revision  int               `json:"revision"`
		Objects   []string          `json:"objects"`
		Calls     []Call            `json:"calls,omitempty"`
		Endpoints []EndpointAddress `json:"endpoints,omitempty"` // where it is reached, by what it names
	}
)

// Wanted returns the spec that is wanted back.
func (e RollbackRequested[S]) Wanted() Spec { return e.Spec }

// Type names the event on the wire.
func (InstallingStarted) Type() string { return "installing_started" }

// Type names the event on the wire.
func (Deployed) Type() string { return "deployed" }

// Type names the event on the wire.
func (RollbackRequested[S]) Type() string { return "rollback_requested" }

// Type names the event on the wire.
func (RollingBackStarted) Type() string { return "rolling_back_started" }

// Type names the event on the wire.
func (RolledBack) Type() string { return "rolled_back" }

// EnsureApplication owes the application's objects.
type EnsureApplication struct {
	Target
	Cluster   string           `json:"cluster"`
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Revision  int              `json:"revision"`
	Rollback  bool             `json:"rollback,omitempty"` // it was deployed before
	Repair    bool             `json:"repair,omitempty"`   // it was deployed, and has drifted
	Sleeps    bool             `json:"sleeps,omitempty"`   // nothing of it is to run
	Endpoints []Endpoint       `json:"endpoints,omitempty"`
	Chart     Chart            `json:"chart,omitzero"`
	Values    map[string]any   `json:"values,omitempty"`
	Manifests []map[string]any `json:"manifests"`
}

// RemoveApplication owes the end of the application's objects.
type RemoveApplication struct {
	Target
	Cluster   string           `json:"cluster"`
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Chart     Chart            `json:"chart,omitzero"`
	Manifests []map[string]any `json:"manifests"` // what it was last to be
}

// Effect names the work on the wire.
func (RemoveApplication) Effect() string { return "remove_application" }

// Effect names the work on the wire.
func (EnsureApplication) Effect() string { return "ensure_application" }

// VerbRollback is the verb that applications and addons have beside those of every kind.
const VerbRollback = "rollback"

var rollbackVerb = Verb{VerbRollback, "Bring back what was deployed before", Rollback{}}

// Rollback asks for what was deployed before.
type Rollback struct {
	To int `json:"to" default:"0" minimum:"0" doc:"The revision to go back to; 0: the one that was deployed before the present one"`
}

// IsPayload marks a payload.
func (Rollback) IsPayload() {}
