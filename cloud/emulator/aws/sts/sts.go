// Package sts emulates STS: it says who calls, and lets a principal be a role that trusts it. Who a later request is
// from, by the key of such a session, the server above finds out.
//
// Begin with Service. An operation runs alone under the lock of emulator.World. A session is a thing of the world like
// any other: it is in the journal before its key is told, and ends by the world's clock.
package sts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// doc is a document in the words of the wire.
type doc = core.Doc

// request is one call of an operation of STS.
type request struct{ *core.Request }

// Service is STS as the server has it.
var Service = core.Service{
	Actions: core.Operations(func(r *core.Request) *request { return &request{r} }, actions),
	Kinds:   []string{"session"}, Rights: rightsOf,
}

// rightsOf are those for a role of another account: in its own a role's trust is enough.
func rightsOf(r *core.Request) []core.Right {
	if r.Op == "GetCallerIdentity" { // it needs none
		return nil
	}
	account, _, _ := core.RoleOf(core.Text(r.Params, "RoleArn"))
	if account == r.Principal.Account {
		return nil
	}
	return []core.Right{{Action: "sts:" + r.Op, Resource: core.Text(r.Params, "RoleArn")}}
}

var actions = map[string]func(*request) (doc, error){
	"GetCallerIdentity": (*request).callerIdentity,
	"AssumeRole":        (*request).assumeRole,
}

func (q *request) callerIdentity() (doc, error) {
	return doc{"Account": q.Principal.Account, "Arn": q.Principal.ARN, "UserId": q.Principal.ID}, nil
}

// Bounds of a session's life, in seconds.
const (
	shortest = 900
	longest  = 12 * 3600
)

func (q *request) assumeRole() (doc, error) {
	role, name := core.Text(q.Params, "RoleArn"), core.Text(q.Params, "RoleSessionName")
	refused := core.Fail("AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", q.Principal.ARN, role)
	account, roleName, ok := core.RoleOf(role)
	if core.Text(q.Params, "Policy") != "" || len(core.Docs(q.Params, "PolicyArns")) > 0 {
		return nil, core.Fail("ValidationError", "Policies of a session are not known here")
	}
	if !ok || name == "" {
		return nil, core.Fail("ValidationError", "RoleArn and RoleSessionName are needed")
	}
	if !q.trusted(account, roleName, core.Text(q.Params, "ExternalId")) {
		return nil, refused
	}
	seconds, given := core.Whole(q.Params, "DurationSeconds")
	if !given {
		seconds = core.UsualSession
	}
	switch {
	case seconds < shortest || seconds > longest:
		return nil, core.Fail("ValidationError", "DurationSeconds must be between %d and %d", shortest, longest)
	case q.Principal.Session && seconds > core.UsualSession:
		return nil, core.Fail("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return q.session(account, roleName, role, name, time.Duration(seconds)*time.Second), nil
}

// trusted says whether a role lets the caller be it.
func (q *request) trusted(account, name, externalID string) bool {
	trusts := []string{q.Principal.Base, "arn:aws:iam::" + q.Principal.Account + ":root"}
	if r, ok := q.Cloud.Accounts.Role(account, name); ok {
		return (r.ExternalID == "" || r.ExternalID == externalID) && slices.ContainsFunc(trusts, func(t string) bool { return slices.Contains(r.Trusts, t) })
	}
	t := q.Elsewhere(account, "").See("role", "", name)
	return t != nil && slices.ContainsFunc(core.Statements(t.Text("AssumeRolePolicyDocument")), func(s core.Statement) bool { return s.Allows(trusts, externalID) })
}

// keptFor is how long a session that has ended is still known as such.
const keptFor = 12 * time.Hour

func (q *request) session(account, roleName, role, name string, life time.Duration) doc {
	key, secret, token := "ASIA"+strings.ToUpper(core.RandomHex(16)), core.RandomHex(40), core.RandomHex(80)
	arn := fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, roleName, name)
	id := "AROA" + strings.ToUpper(core.RandomHex(16)) + ":" + name
	ends := q.Now.Add(life).Truncate(time.Second)
	q.Elsewhere("", "").Make(emulator.Resource{
		Kind: "session", Name: key, Due: &emulator.Scheduled{At: ends.Add(keptFor), Gone: true},
		Doc: doc{"secret": secret, "token": token, "ends": ends.Format(time.RFC3339), "account": account, "role": role, "arn": arn, "id": id, "home": q.Principal.Account},
	}, 0)
	return doc{
		"AssumedRoleUser": doc{"Arn": arn, "AssumedRoleId": id},
		"Credentials":     doc{"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token, "Expiration": ends.Format(time.RFC3339)},
	}
}
