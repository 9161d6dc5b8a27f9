package events

import (
	"fmt"
	"regexp"
)

// AccountSpec is a cloud account to work in. No key of it is ever kept: a role
// is assumed, with an external id that only the account's owner and aerie know.
type AccountSpec struct {
	Cloud      string `json:"cloud" required:"true" enum:"sim,aws" doc:"The cloud; sim is the built-in simulated one"`
	Number     string `json:"number" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$" doc:"The cloud's own name of the account: account number, project or subscription"`
	Hosting    string `json:"hosting" enum:"provider,customer,platform" default:"provider" doc:"Whose account it is"`
	Role       string `json:"role" maxLength:"200" doc:"The role to assume; required if hosting is customer"`
	ExternalID string `json:"externalId" maxLength:"200" doc:"The external id that the role's trust asks for; required if hosting is customer"`
	Access     string `json:"access,omitempty" enum:"role,agent" doc:"How a customer's account is entered: by assuming a role, or by an agent inside it, with credentials that never leave it; empty: by a role"`

	Prices []MachinePrice `json:"prices,omitempty" maxItems:"1000" doc:"What machines cost in this account, for plans that take the cheapest place: in one currency in all accounts"`
}

// AccessAgent is the access by an agent.
const AccessAgent = "agent"

// Account is the kind of where clouds are entered.
const Account Kind = "account"

var accountKind = Descriptor{
	Kind: Account, Plural: "accounts", Doc: "a cloud account to work in",
	Spec: AccountSpec{}, Verbs: CommonVerbs(),
	Access: Access{ForCustomers: true},
}

// Kind is Account.
func (AccountSpec) Kind() Kind { return Account }

// awsNumber is the form of an account number of AWS.
var awsNumber = regexp.MustCompile(`^[0-9]{12}$`)

// Check asks for a role and an external id where the account is the customer's.
func (s AccountSpec) Check() (faults []FieldError) {
	if s.Cloud == "aws" && s.Number != "" && !awsNumber.MatchString(s.Number) {
		faults = append(faults, FieldError{"spec.number", fmt.Sprintf("%q is no account number of AWS: it has twelve digits", Truncate(s.Number))})
	}
	faults = append(faults, s.checkPrices()...)
	if s.Access == AccessAgent {
		return append(faults, s.byAgent()...)
	}
	if s.Hosting != "customer" {
		return faults
	}
	if s.Role == "" {
		faults = append(faults, FieldError{"spec.role", "is missing: a customer's account is entered by assuming a role"})
	}
	if s.ExternalID == "" {
		faults = append(faults, FieldError{"spec.externalId", "is missing: a customer's role must ask for an external id"})
	}
	return faults
}

// byAgent finds what is of no use where an agent enters the account.
func (s AccountSpec) byAgent() (faults []FieldError) {
	if s.Hosting != "customer" {
		faults = append(faults, FieldError{"spec.access", "agent is for a customer's account: want hosting customer, or access role"})
	}
	if s.Role != "" {
		faults = append(faults, FieldError{"spec.role", "leave it out: an agent has credentials of its own"})
	}
	if s.ExternalID != "" {
		faults = append(faults, FieldError{"spec.externalId", "leave it out: an agent has credentials of its own"})
	}
	return faults
}

type (
	// VerificationStarted says that nothing is waited for any more.
	VerificationStarted struct{}
	// Verified says that the account could be entered with the rights that are needed.
	Verified struct {
		Calls []Call `json:"calls,omitempty"`
	}
)

// Type names the event on the wire.
func (VerificationStarted) Type() string { return "verification_started" }

// Type names the event on the wire.
func (Verified) Type() string { return "verified" }

// CloudAccount is what an effect needs to know to work in an account.
type CloudAccount struct {
	Cloud      string `json:"cloud"`
	Number     string `json:"number"`
	Role       string `json:"role,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	Agent      bool   `json:"agent,omitempty"` // an agent works in it, and nobody else
}

// VerifyAccount owes a check of credentials and rights.
type VerifyAccount struct {
	Account CloudAccount `json:"account"`
	Place   string       `json:"place,omitempty"` // of the agent that does it, such as acme._theirs; empty: it is done here
}

// Effect names the work on the wire.
func (VerifyAccount) Effect() string { return "verify_account" }
