package events

import (
	"fmt"
	"slices"
)

// CustomerSpec is a company that subscribes to plans.
type CustomerSpec struct {
	DisplayName string   `json:"displayName" maxLength:"80" doc:"The company's name, for people; no personal data"`
	Hosting     string   `json:"hosting" enum:"provider,customer,platform" default:"provider" doc:"Whose cloud accounts its tenants run in by default: the provider's, its own, or the platform operator's"`
	Tenants     int      `json:"tenants,omitempty" minimum:"0" maximum:"1000000" doc:"How many tenants it may have; 0: any number. Those that it has stay"`
	Hostings    []string `json:"hostings,omitempty" maxItems:"3" enum:"provider,customer,platform" doc:"Whose accounts its new tenants may run in; empty: those of its hosting alone"`
}

// Customer is the kind of who subscribes to plans.
const Customer Kind = "customer"

var customerKind = Descriptor{
	Kind: Customer, Plural: "customers", Doc: "a company that subscribes to plans",
	Owner: ByItself, Spec: CustomerSpec{}, Verbs: CommonVerbs(),
}

// Kind is Customer.
func (CustomerSpec) Kind() Kind { return Customer }

// Check asks that the customer's own hosting is one that it may have.
func (s CustomerSpec) Check() []FieldError {
	if s.Takes(s.Hosting) {
		return nil
	}
	return []FieldError{{"spec.hostings", fmt.Sprintf("must include %s, the customer's own hosting", s.Hosting)}}
}

// Takes tells whether new tenants of the customer may run in accounts of a hosting.
func (s CustomerSpec) Takes(hosting string) bool {
	if len(s.Hostings) == 0 {
		return hosting == s.Hosting
	}
	return slices.Contains(s.Hostings, hosting)
}

// Created gives birth to an entity that needs no work to be what it is.
type Created[S Spec] struct {
	UID    string            `json:"uid"`
	Labels map[string]string `json:"labels,omitempty"`
	Spec   S                 `json:"spec"`
}

// Updated replaces the spec of an entity that needs no work to be what it is.
type Updated[S Spec] struct {
	Spec S `json:"spec"`
}

// Type names the event on the wire.
func (Created[S]) Type() string { return "created" }

// Type names the event on the wire.
func (Updated[S]) Type() string { return "updated" }
