package aws

import (
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// maxSkew is how far a signature's date may be from now.
const maxSkew = 5 * time.Minute

// who is the principal whose signature a request bears. A signature's date is judged by the clock on the wall, which the
// client has too; the end of a session by this cloud's own, which can be advanced.
func (s *Server) who(c *emulator.Call, q *wire) (p core.Principal, bad *core.Failure) {
	say := core.Wording[q.service]
	p, secret, ends, known := s.key(c, q.sig)
	switch {
	case !known:
		return p, core.Fail(say.UnknownKey, "The security token included in the request is invalid.")
	case q.presigned && !q.sig.presigns(q.http, secret), !q.presigned && !q.sig.signs(q.http, q.body, secret):
		return p, core.Fail(say.BadSignature, "The request signature we calculated does not match the signature you provided.")
	case !ends.IsZero() && !c.Now.Before(ends):
		return p, core.Fail(say.Expired, "The security token included in the request is expired")
	case !s.timely(q):
		return p, core.Fail(say.BadSignature, "Signature expired: it is of %s", q.sig.at.Format(signDate))
	}
	return p, nil
}

// timely says whether a signature is of now; a presigned URL is good for a while.
func (s *Server) timely(q *wire) bool {
	age := s.now().Sub(q.sig.at)
	return age >= -maxSkew && (age <= maxSkew || q.presigned && age <= tokenLife)
}

// key is the principal that an access key stands for, with its secret and, of a session, its end.
func (s *Server) key(c *emulator.Call, sig signature) (p core.Principal, secret string, ends time.Time, known bool) {
	if account, u, ok := s.cloud.Accounts.User(sig.key); ok && sig.token == "" {
		arn := "arn:aws:iam::" + account + ":user/" + u.Name
		return core.Principal{Account: account, ARN: arn, Base: arn, ID: u.AccessKeyID,
			Powers: u.Powers()}, u.SecretAccessKey, ends, true
	}
	t := c.Elsewhere("", "").Find("session", "", sig.key)
	if t == nil || t.Text("token") != sig.token {
		return p, "", ends, false
	}
	ends, _ = time.Parse(time.RFC3339, t.Text("ends"))
	account, role := t.Text("account"), t.Text("role")
	rights, _ := s.cloud.Accounts.PowersOf(c, account, role)
	p = core.Principal{Account: account, ARN: t.Text("arn"), Base: role, ID: t.Text("id"), Session: true, Powers: rights}
	if home := t.Text("home"); home != account {
		p.Home = home
	}
	return p, t.Text("secret"), ends, true
}

// request is the call of a request whose caller is known.
func (s *Server) request(c *emulator.Call, q *wire) (*core.Request, *core.Failure) {
	if q.bad != nil {
		return nil, q.bad
	}
	p, bad := s.who(c, q)
	if bad != nil {
		return nil, bad
	}
	c.Account, c.Caller, c.Home = p.Account, p.ARN, p.Home
	return &core.Request{Call: c, Params: q.in, Principal: p, Cloud: &s.cloud}, nil
}
