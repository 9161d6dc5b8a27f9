package events

// CellApplicationSpec is what is installed in a cell for all of its tenants. It is as the cell's plan says.
type CellApplicationSpec struct {
	Chart     Chart            `json:"chart,omitzero" doc:"The Helm chart to install; instead of manifests"`
	Values    map[string]any   `json:"values,omitempty" doc:"What the chart is given"`
	Manifests []map[string]any `json:"manifests,omitempty" maxItems:"50" doc:"Kubernetes objects as they are; they go into the cell's namespace"`
	Plain     []string         `json:"plain,omitempty" maxItems:"100" maxLength:"400" doc:"Paths of texts that are no secrets, though they stand under keys that name one, or beside references in a Secret; as the refusal writes them, such as values.auth.password"`
	Endpoints []Endpoint       `json:"endpoints,omitempty" maxItems:"20" doc:"Where it is reached, by its Services: shown as observed.endpoints, and told to the programs of moves"`
}

// CellApplication is the kind of what is installed in a cell for all of its tenants.
const CellApplication Kind = "cellapplication"

var cellApplicationKind = Descriptor{
	Kind: CellApplication, Plural: "cellapplications", Doc: "what a cell of a multi-tenant plan has, for all of its tenants",
	Parent: Cell, Above: []Kind{TenantInfra, Dataplane}, Spec: CellApplicationSpec{},
	Verbs: CommonVerbs(rollbackVerb, adoptVerb, disownVerb), Marked: true,
}

// Kind is CellApplication.
func (CellApplicationSpec) Kind() Kind { return CellApplication }

// Content is what is installed.
func (s CellApplicationSpec) Content() Content {
	return Content{s.Chart, s.Values, s.Manifests, s.Plain}
}

// Check wants either a chart or manifests.
func (s CellApplicationSpec) Check() []FieldError {
	return append(s.Content().check(), checkEndpoints(s.Endpoints)...)
}
