package aws

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// principal is who calls.
type principal struct {
	account string
	arn     string // as which the call is made
	base    string // the user or role behind it, as access entries and trust name it
	id      string
	home    string // the account of who took the role, where that is another
	session bool
	rights  powers
}

var stsActions = map[string]func(*request) (doc, error){
	"GetCallerIdentity": (*request).callerIdentity,
	"AssumeRole":        (*request).assumeRole,
}

// maxSkew is how far a signature's date may be from now.
const maxSkew = 5 * time.Minute

// who is the principal whose signature a request bears. A signature's date is judged by the clock on the wall, which the
// client has too; the end of a session by this cloud's own, which can be advanced.
func (s *Server) who(c *emulator.Call, q *wire) (p principal, bad *failure) {
	say := saying[q.service]
	p, secret, ends, known := s.key(c, q.sig)
	switch {
	case !known:
		return p, fail(say.unknownKey, "The security token included in the request is invalid.")
	case q.presigned && !q.sig.presigns(q.http, secret), !q.presigned && !q.sig.signs(q.http, q.body, secret):
		return p, fail(say.badSignature, "The request signature we calculated does not match the signature you provided.")
	case !ends.IsZero() && !c.Now.Before(ends):
		return p, fail(say.expired, "The security token included in the request is expired")
	case !s.timely(q):
		return p, fail(say.badSignature, "Signature expired: it is of %s", q.sig.at.Format(signDate))
	}
	return p, nil
}

// timely says whether a signature is of now; a presigned URL is good for a while.
func (s *Server) timely(q *wire) bool {
	age := s.now().Sub(q.sig.at)
	return age >= -maxSkew && (age <= maxSkew || q.presigned && age <= tokenLife)
}

// key is the principal that an access key stands for, with its secret and, of a session, its end.
func (s *Server) key(c *emulator.Call, sig signature) (p principal, secret string, ends time.Time, known bool) {
	if account, u, ok := s.accounts.user(sig.key); ok && sig.token == "" {
		arn := "arn:aws:iam::" + account + ":user/" + u.Name
		return principal{account: account, arn: arn, base: arn, id: u.AccessKeyID,
			rights: identity(u.rights, u.Denied)}, u.SecretAccessKey, ends, true
	}
	t := c.Elsewhere("", "").Find("session", "", sig.key)
	if t == nil || t.Text("token") != sig.token {
		return p, "", ends, false
	}
	ends, _ = time.Parse(time.RFC3339, t.Text("ends"))
	account, role := t.Text("account"), t.Text("role")
	rights, _ := s.rightsOf(c, account, role)
	p = principal{account: account, arn: t.Text("arn"), base: role, id: t.Text("id"), session: true, rights: rights}
	if home := t.Text("home"); home != account {
		p.home = home
	}
	return p, t.Text("secret"), ends, true
}

func (q *request) callerIdentity() (doc, error) {
	return doc{"Account": q.caller.account, "Arn": q.caller.arn, "UserId": q.caller.id}, nil
}

// Bounds of a session's life, in seconds.
const (
	shortest = 900
	usual    = 3600
	longest  = 12 * 3600
)

func (q *request) assumeRole() (doc, error) {
	role, name := text(q.in, "RoleArn"), text(q.in, "RoleSessionName")
	refused := fail("AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", q.caller.arn, role)
	account, roleName, ok := roleOf(role)
	if text(q.in, "Policy") != "" || len(docs(q.in, "PolicyArns")) > 0 {
		return nil, fail("ValidationError", "Policies of a session are not known here")
	}
	if !ok || name == "" {
		return nil, fail("ValidationError", "RoleArn and RoleSessionName are needed")
	}
	if !q.trusted(account, roleName, text(q.in, "ExternalId")) {
		return nil, refused
	}
	seconds, given := whole(q.in, "DurationSeconds")
	if !given {
		seconds = usual
	}
	switch {
	case seconds < shortest || seconds > longest:
		return nil, fail("ValidationError", "DurationSeconds must be between %d and %d", shortest, longest)
	case q.caller.session && seconds > usual:
		return nil, fail("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return q.session(account, roleName, role, name, time.Duration(seconds)*time.Second), nil
}

// roleOf reads a role's ARN.
func roleOf(arn string) (account, name string, ok bool) {
	rest, isRole := strings.CutPrefix(arn, "arn:aws:iam::")
	account, name, found := strings.Cut(rest, ":role/")
	return account, path.Base(name), isRole && found && name != ""
}

// trusted says whether a role lets the caller be it.
func (q *request) trusted(account, name, externalID string) bool {
	trusts := []string{q.caller.base, "arn:aws:iam::" + q.caller.account + ":root"}
	if r, ok := q.server.accounts.role(account, name); ok {
		return (r.ExternalID == "" || r.ExternalID == externalID) && slices.ContainsFunc(trusts, func(t string) bool { return slices.Contains(r.Trusts, t) })
	}
	t := q.Elsewhere(account, "").See("role", "", name)
	return t != nil && slices.ContainsFunc(statements(t.Text("AssumeRolePolicyDocument")), func(s statement) bool { return s.lets(trusts, externalID) })
}

// statement is one of a policy's.
type statement struct {
	Effect    string
	Action    any
	Principal any
	Condition map[string]map[string]any
}

// statements reads a policy document; none of one that is none.
func statements(policy string) []statement {
	var read struct{ Statement []statement }
	if json.Unmarshal([]byte(policy), &read) == nil {
		return read.Statement
	}
	var one struct{ Statement statement }
	if json.Unmarshal([]byte(policy), &one) == nil {
		return []statement{one.Statement}
	}
	return nil
}

// lets says whether the statement allows AssumeRole to one of some principals that knows an external id.
func (s statement) lets(principals []string, externalID string) bool {
	by, _ := s.Principal.(map[string]any)
	aws := texts(by, "AWS")
	wanted, bound := s.Condition["StringEquals"]["sts:ExternalId"]
	return s.Effect == "Allow" && slices.ContainsFunc(principals, func(p string) bool { return slices.Contains(aws, p) }) &&
		(!bound || slices.Contains(texts(doc{"v": wanted}, "v"), externalID))
}

// letsService says whether a trust policy allows a service to be the role.
func letsService(policy, service string) bool {
	return slices.ContainsFunc(statements(policy), func(s statement) bool {
		by, _ := s.Principal.(map[string]any)
		return s.Effect == "Allow" && slices.Contains(texts(by, "Service"), service)
	})
}

// keptFor is how long a session that has ended is still known as such.
const keptFor = 12 * time.Hour

func (q *request) session(account, roleName, role, name string, life time.Duration) doc {
	key, secret, token := "ASIA"+strings.ToUpper(random(16)), random(40), random(80)
	arn := fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, roleName, name)
	id := "AROA" + strings.ToUpper(random(16)) + ":" + name
	ends := q.Now.Add(life).Truncate(time.Second)
	q.Elsewhere("", "").Make(emulator.Thing{
		Kind: "session", Name: key, Due: &emulator.Due{At: ends.Add(keptFor), Gone: true},
		Doc: doc{"secret": secret, "token": token, "ends": ends.Format(time.RFC3339), "account": account, "role": role, "arn": arn, "id": id, "home": q.caller.account},
	}, 0)
	return doc{
		"AssumedRoleUser": doc{"Arn": arn, "AssumedRoleId": id},
		"Credentials":     doc{"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token, "Expiration": ends.Format(time.RFC3339)},
	}
}
