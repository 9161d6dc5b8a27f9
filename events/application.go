package events

// ApplicationSpec is what is installed for a tenant.
type ApplicationSpec struct {
	Manifests []map[string]any `json:"manifests" required:"true" minItems:"1" maxItems:"50" doc:"Kubernetes objects as they are; they go into the tenant's namespace"`
}

// Kind is Application.
func (ApplicationSpec) Kind() Kind { return Application }

// Check finds no faults: what Kubernetes would refuse is found when it is installed.
func (ApplicationSpec) Check() []Fault { return nil }

type (
	// InstallingStarted says that the tenant is ready.
	InstallingStarted struct {
		Site      Site   `json:"site"`
		Cluster   string `json:"cluster"`
		Namespace string `json:"namespace"`
	}
	// Deployed says that everything of the application is in the cluster.
	Deployed struct {
		Revision int      `json:"revision"` // of the application's spec, from 1
		Objects  []string `json:"objects"`
		Calls    []Call   `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (InstallingStarted) Type() string { return "installing_started" }
func (Deployed) Type() string          { return "deployed" }

// EnsureApplication owes the application's objects.
type EnsureApplication struct {
	Site
	Cluster   string           `json:"cluster"`
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Revision  int              `json:"revision"`
	Manifests []map[string]any `json:"manifests"`
}

// RemoveApplication owes the end of the application's objects.
type RemoveApplication struct {
	Site
	Cluster   string           `json:"cluster"`
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Manifests []map[string]any `json:"manifests"` // what it was last to be
}

// Effect names the work on the wire.
func (RemoveApplication) Effect() string { return "remove_application" }

// Effect names the work on the wire.
func (EnsureApplication) Effect() string { return "ensure_application" }
