package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/aws/elb"
	"github.com/aeriehq/aerie/cloud/aws/permit"
	"github.com/aeriehq/aerie/cloud/aws/vpc"
	"github.com/aeriehq/aerie/cloud/ratelimit"
)

// session is one account and region, entered: everything in it is signed with that account's credentials.
type session struct {
	scope     cloud.Scope // as it was given
	region    string      // AWS's name of it
	caller    string      // the ARN of who we are there
	now       func() time.Time
	eks       *eks.Client
	iam       *iam.Client
	sts       *sts.Client
	network   *vpc.Networks
	balancers *elb.Balancers
}

// sessions are those that are open. An account is entered once for all its regions.
type sessions struct {
	mu       sync.Mutex
	accounts map[cloud.Account]*entered
	open     map[cloud.Scope]*session
}

// entered is an account with its credentials, and who we are there once that is known to be the right account.
type entered struct {
	credentials awssdk.CredentialsProvider
	mu          sync.Mutex
	caller      string
}

// enter finds or opens a session. An account's first call asks AWS who we are; its others wait, and ask again if that failed.
func (p *Provider) enter(ctx context.Context, s cloud.Scope, region string) (*session, error) {
	if s.Account.ID == "" {
		return nil, &cloud.Error{Class: cloud.Invalid, Code: "NoAccount", Message: "the account's number is missing"}
	}
	p.sessions.mu.Lock()
	at, account := p.sessions.open[s], p.sessions.accounts[s.Account]
	if account == nil {
		account = &entered{credentials: p.credentialsOf(s.Account)}
		p.sessions.accounts[s.Account] = account
	}
	if at == nil {
		at = p.session(s, region, account.credentials)
		p.sessions.open[s] = at
	}
	p.sessions.mu.Unlock()
	caller, err := account.verify(ctx, at.sts, s.Account)
	if err != nil {
		return nil, err
	}
	known := *at
	known.caller = caller
	return &known, nil
}

// forget lets go of an account's credentials and of all that was opened with them. Calls under way go on with theirs.
func (p *Provider) forget(a cloud.Account) {
	p.sessions.mu.Lock()
	defer p.sessions.mu.Unlock()
	delete(p.sessions.accounts, a)
	for s := range p.sessions.open {
		if s.Account == a {
			delete(p.sessions.open, s)
		}
	}
}

func (p *Provider) session(s cloud.Scope, region string, credentials awssdk.CredentialsProvider) *session {
	c := p.config.Copy()
	c.Region, c.Credentials = region, credentials
	c.APIOptions = append(c.APIOptions[:len(c.APIOptions):len(c.APIOptions)], p.paced(s.Account.ID, region), permit.Middleware, permit.Changes)
	return &session{
		scope: s, region: region, now: p.now,
		eks: eks.NewFromConfig(c), iam: iam.NewFromConfig(c), sts: sts.NewFromConfig(c),
		network: vpc.New(c, s, p.memory), balancers: elb.New(c),
	}
}

// verify asks once who we are: to work in another account than the one that was meant would be the worst of errors.
func (e *entered) verify(ctx context.Context, c *sts.Client, a cloud.Account) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.caller != "" {
		return e.caller, nil
	}
	who, err := c.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	if is := awssdk.ToString(who.Account); is != a.ID {
		return "", &cloud.Error{Class: cloud.Denied, Code: "WrongAccount", Message: fmt.Sprintf("the credentials are those of account %s, not of %s: give the account a role to assume", is, a.ID)}
	}
	e.caller = awssdk.ToString(who.Arn)
	return e.caller, nil
}

// patience is how long a call waits for its turn. Beyond that its caller is told to come again, and gives up its slot.
const patience = 2 * time.Second // of ours

// paced keeps all calls of one account and region within their rates.
func (p *Provider) paced(account, region string) func(*middleware.Stack) error {
	turn := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		out middleware.InitializeOutput, md middleware.Metadata, err error) {
		k := ratelimit.Key{Account: account, Region: region, Family: awsmiddleware.GetServiceID(ctx)}
		if err := p.wait(ctx, k); err != nil {
			return out, md, err
		}
		out, md, err = next.HandleInitialize(ctx, in)
		return out, md, p.judged(k, err)
	}
	return func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("aerie.paced", turn), middleware.After)
	}
}

func (p *Provider) wait(ctx context.Context, k ratelimit.Key) error {
	for {
		wait := p.buckets.Take(k)
		switch {
		case wait <= 0:
			return nil
		case p.pace.Real(wait) > patience:
			return &cloud.Error{Class: cloud.Throttled, Code: "Paced", RetryAfter: wait, Message: "too many calls of " + k.Family + " in this account and region"}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(p.pace.Real(wait)):
		}
	}
}

// judged shuts the bucket if the call was throttled.
func (p *Provider) judged(k ratelimit.Key, err error) error {
	var known *cloud.Error
	if !errors.As(awserr.Of("", err), &known) || known.Class != cloud.Throttled {
		p.buckets.Fine(k)
		return err
	}
	known.RetryAfter = p.buckets.Throttled(k, known.RetryAfter)
	return known
}

// roleARN is that of an account's role, which may be given by its name.
func roleARN(region string, a cloud.Account) string {
	if strings.HasPrefix(a.Role, "arn:") {
		return a.Role
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", partition(region), a.ID, strings.TrimPrefix(a.Role, "/"))
}

// partition is the part of AWS that a region belongs to, as it stands in every ARN.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// whole hands each request's body over as a copy. The SDK lets go of its own as soon as there is an answer; where that
// comes from next door Go's client may not be through with looking for the body's end, and then closes the connection
// under the answer: once in two thousand calls on one machine.
type whole struct{ client awssdk.HTTPClient }

// Do implements awssdk.HTTPClient.
func (w whole) Do(q *http.Request) (*http.Response, error) {
	if q.Body == nil || q.Body == http.NoBody {
		return w.client.Do(q)
	}
	data, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	q = q.Clone(q.Context())
	q.Body = io.NopCloser(bytes.NewReader(data))
	return w.client.Do(q)
}
