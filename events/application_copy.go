package events

// An application whose tenant goes to another cluster is installed there too, and stays where it is until its tenant has moved.
type (
	// CopyStarted says that the application is installed where its tenant goes to.
	CopyStarted struct {
		Stay      string `json:"stay"` // which stay of the tenant that is
		Site      Target `json:"site"`
		Cluster   string `json:"cluster"`
		Namespace string `json:"namespace"`
		Sleeps    bool   `json:"sleeps,omitempty"` // its tenant is suspended: nothing of it is to run there
	}
	// CopyDeployed says that everything of the application is there.
	CopyDeployed struct {
		Revision  int               `json:"revision"`
		Objects   []string          `json:"objects"`
		Calls     []Call            `json:"calls,omitempty"`
		Endpoints []EndpointAddress `json:"endpoints,omitempty"` // where it is reached, by what it names
	}
	// CopyFailed says that the application can't be installed there, and why: its tenant stays where it is.
	CopyFailed struct {
		Reason
	}
	// Relocated says that the application is where its tenant has moved to, and nowhere else.
	Relocated struct{}
	// CopyDropped says that the application is where it was, and nowhere else.
	CopyDropped struct {
		Calls []Call `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (CopyStarted) Type() string { return "copy_started" }

// Type names the event on the wire.
func (CopyDeployed) Type() string { return "copy_deployed" }

// Type names the event on the wire.
func (CopyFailed) Type() string { return "copy_failed" }

// Type names the event on the wire.
func (Relocated) Type() string { return "relocated" }

// Type names the event on the wire.
func (CopyDropped) Type() string { return "copy_dropped" }
