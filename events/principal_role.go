package events

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Role is what somebody may do. Which verbs of which kinds that are follows from the descriptors alone: May is the one table.
type Role string

// The roles: four of the platform's staff, two of the people of one customer.
const (
	RoleAdmin          Role = "admin"
	RoleOperator       Role = "operator"
	RoleViewer         Role = "viewer"
	RoleAuditor        Role = "auditor"
	RoleCustomerAdmin  Role = "customer-admin"
	RoleCustomerViewer Role = "customer-viewer"
)

// Roles lists the roles.
var Roles = []Role{RoleAdmin, RoleOperator, RoleViewer, RoleAuditor, RoleCustomerAdmin, RoleCustomerViewer}

// OfCustomer tells a role of a customer's people from one of the platform's staff.
func (r Role) OfCustomer() bool { return r == RoleCustomerAdmin || r == RoleCustomerViewer }

// Commands tells whether there is anything that the role may command.
func (r Role) Commands() bool { return r == RoleAdmin || r == RoleOperator || r == RoleCustomerAdmin }

// Grants tells whether who has the role may give another one to somebody: none is above his own.
func (r Role) Grants(other Role) bool {
	switch r {
	case RoleAdmin:
		return slices.Contains(Roles, other)
	case RoleOperator, RoleCustomerAdmin:
		return other.OfCustomer()
	}
	return false
}

// Access is what the table of rights says of a kind beside the rules for all.
type Access struct {
	ForCustomers bool     // a customer's admins command what their customer owns
	Private      bool     // viewers of the platform do not read it, nor do a customer's; the platform's own is the admin's to command
	StaffOnly    []string // the verbs that they may not ask all the same, beside adopt and disown
	Shown        []string // of what is the platform's, the fields that customers see, as paths in the answer; none: they do not see it
}

// Reach says whose things a right is about.
type Reach int

// The reaches, each more than the one before.
const (
	OfNobody    Reach = iota
	OfOwn             // what the caller's own customer owns
	OfCustomers       // what any customer owns
	OfAll             // and what is the platform's
)

// String names the reach, as the table of rights has it.
func (r Reach) String() string {
	return []string{"–", "own", "customers'", "all"}[r]
}

// VerbRead stands for reading in the table of rights. It is no command.
const VerbRead = "read"

// May says of whose things of a kind a role may ask a verb, or read them with VerbRead.
func (d *Descriptor) May(role Role, verb string) Reach {
	if verb == VerbRead {
		return d.mayRead(role)
	}
	switch {
	case !d.has(verb):
	case role == RoleAdmin:
		return OfAll
	case role == RoleOperator && d.Access.Private:
		return OfCustomers
	case role == RoleOperator:
		return OfAll
	case role == RoleCustomerAdmin && d.Access.ForCustomers && !d.Access.staffOnly(verb):
		return OfOwn
	}
	return OfNobody
}

// staffOnly tells a verb that customers may not ask of what is theirs.
func (a Access) staffOnly(verb string) bool {
	return verb == VerbAdopt || verb == VerbDisown || slices.Contains(a.StaffOnly, verb)
}

func (d *Descriptor) mayRead(role Role) Reach {
	switch role {
	case RoleAdmin, RoleOperator, RoleAuditor:
		return OfAll
	case RoleViewer:
		if !d.Access.Private {
			return OfAll
		}
	case RoleCustomerAdmin:
		return OfOwn
	case RoleCustomerViewer:
		if !d.Access.Private {
			return OfOwn
		}
	}
	return OfNobody
}

// Includes tells whether a reach has things of an owner, for a caller of an owner.
func (r Reach) Includes(owner, own string) bool {
	switch r {
	case OfAll:
		return true
	case OfCustomers:
		return owner != Platform
	case OfOwn:
		return owner == own && own != Platform && own != ""
	}
	return false
}

// Caller is who asks, as he has proved it. The zero Caller may do nothing.
type Caller struct {
	Actor string    `json:"actor"`          // as events name him: admin, token:<id>, user:<id>
	Role  Role      `json:"role"`           // what he may do
	Owner string    `json:"owner"`          // the customer whose things he may see; - of the platform's staff
	Until time.Time `json:"until,omitzero"` // when what he showed ends; zero: it does not
}

// ErrNobody says of a token that it lets nobody in.
var ErrNobody = errors.New("nobody shows this token")

// LocalAdmin is who shows the local token.
func LocalAdmin() Caller { return Caller{Actor: ActorAdmin, Role: RoleAdmin, Owner: Platform} }

// Reads tells whether the caller may read things of a kind and an owner.
func (c Caller) Reads(r *Registry, k Kind, owner string) bool {
	if k == CommandKind { // what was refused, of whom he may command
		return c.Owns(owner)
	}
	d, _ := r.Of(k)
	return d.May(c.Role, VerbRead).Includes(owner, c.Owner)
}

// Owns tells whether the caller may see anything of an owner at all: the staff of all, a customer's people of their own.
func (c Caller) Owns(owner string) bool {
	switch {
	case c.Role == "":
		return false
	case c.Role.OfCustomer():
		return OfOwn.Includes(owner, c.Owner)
	}
	return true
}

// Deny refuses an address that is none of the caller's, before anything is looked up; nil if he may ask. What is no kind or
// no verb of it is left to those who decode, unless it is of another owner.
func (c Caller) Deny(r *Registry, owner string, k Kind, verb string) error {
	d := r.of(k)
	switch {
	case !c.Owns(owner):
		return Refuse(Denied, "%s may not command what %s owns", c.who(), Truncate(owner))
	case !c.Role.Commands():
		return Refuse(Denied, "%s may not command anything", c.who())
	case d != nil && d.has(verb) && !d.May(c.Role, verb).Includes(owner, c.Owner):
		return Refuse(Denied, "%s may not %s %s that %s owns", c.who(), verb, d.A(), Truncate(owner))
	}
	return nil
}

// who names the caller's role, as the subject of a sentence.
func (c Caller) who() string {
	if c.Role == "" {
		return "nobody in particular"
	}
	return Kind(c.Role).A()
}

// DenyPayload refuses what a command says beyond the caller's rights; nil if he may say it. It looks nothing up.
func (c Caller) DenyPayload(r *Registry, ref Ref, p Payload) error {
	if ref == LocalPrincipal && c.Actor != ActorAdmin && letsBackIn(p) {
		return Refuse(Denied, "%s can be enabled only on the server's host: aerie auth local-token enable", ref)
	}
	spec := SpecOf(p)
	faults := append(c.grants(ref, spec), c.reaches(r, ref, spec)...)
	if c.Role.OfCustomer() {
		faults = append(faults, c.others(r.refsIn(p))...)
	}
	if len(faults) == 0 {
		return nil
	}
	return Refuse(Denied, "%s may not ask this of %s", c.who(), ref).With(faults)
}

// letsBackIn tells a payload that would let in a principal that is disabled.
func letsBackIn(p Payload) bool {
	switch p.(type) {
	case EnablePrincipal, Delete:
		return true
	}
	return false
}

// grants finds where a role is given that is above the caller's, that is not its owner's, or that lasts longer than his.
func (c Caller) grants(ref Ref, spec Spec) (faults []FieldError) {
	var role Role
	var end time.Time
	switch s := spec.(type) {
	case TokenSpec:
		role, end = s.Role, s.Ends()
	case PrincipalSpec:
		role, end = s.Role, s.Ends()
	default:
		return nil
	}
	if ref == LocalPrincipal { // who is let in so is let in already, while this is nowhere
		end = c.Until
	}
	if !c.Until.IsZero() && (end.IsZero() || end.After(c.Until)) {
		faults = append(faults, FieldError{"spec.expires", "is later than the caller's own end, " + c.Until.UTC().Format(time.RFC3339)})
	}
	if !c.Role.Grants(role) {
		faults = append(faults, FieldError{"spec.role", fmt.Sprintf("%s gives nobody the role %s", c.who(), role)})
	}
	if role.OfCustomer() == (ref.Owner == Platform) {
		faults = append(faults, FieldError{"spec.role", fmt.Sprintf("%s is not a role for owner '%s': the platform's roles are admin, operator, viewer and auditor, a customer's are customer-admin and customer-viewer", role, ref.Owner)})
	}
	return faults
}

// reaches finds what a customer's people name that is not their customer's own: plans alone are for all.
func (c Caller) reaches(r *Registry, ref Ref, spec Spec) (faults []FieldError) {
	if !c.Role.OfCustomer() || spec == nil {
		return nil
	}
	faults = c.others(r.RefsOf(ref, spec))
	if a, ok := spec.(AccountSpec); ok && a.Hosting != "customer" {
		faults = append(faults, FieldError{"spec.hosting", fmt.Sprintf("want customer, with its role and external id, got %q: other accounts are entered with the platform's own keys", a.Hosting)})
	}
	return faults
}

// others finds what is not the caller's customer's own among what he names.
func (c Caller) others(named []SpecRef) (faults []FieldError) {
	for _, to := range named {
		if to.Ref.Owner != c.Owner && to.Ref.Kind != Plan {
			faults = append(faults, FieldError{to.Field, fmt.Sprintf("%s is not %s's own", to.Ref, c.Owner)})
		}
	}
	return faults
}
