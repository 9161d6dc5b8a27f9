// Package aws is Amazon's cloud: networks of EC2, clusters, node groups and add-ons of EKS, roles of IAM. It keeps no
// state: what is there is found by tags and names, so a new process goes on where another was killed. What it remembers,
// credentials, rates and when it first looked, it may forget at any time. Begin with Provider; many may call it at once.
//
// What the seam calls a cluster is here the EKS cluster, its role and its OpenID Connect provider; a pool is a node group
// and its role; an add-on may have a role too. A network is a VPC and what is in it; see package vpc.
package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
	"github.com/aeriehq/aerie/cloud/aws/offers"
	"github.com/aeriehq/aerie/cloud/aws/vpc"
	"github.com/aeriehq/aerie/cloud/ratelimit"
)

// callWithin bounds every call.
const callWithin = 30 * time.Second

// ConsistencyDelay is how long EC2 may hide what was made: nothing that has neither a token nor a unique name is made again sooner.
const ConsistencyDelay = 15 * time.Second

// The tags on all that is made.
const (
	tagOwner   = vpc.TagOwner
	tagName    = vpc.TagName
	tagSpec    = vpc.TagSpec
	tagNetwork = "aerie.io/network"
	tagMachine = "aerie.io/machines"
	tagZones   = vpc.TagZones
)

// Options say in which AWS to work.
type Options struct {
	Config           awssdk.Config             // credentials, endpoint and CA, as config.LoadDefaultConfig finds them
	Now              func() time.Time          // the cloud's clock; nil: the wall's
	ConsistencyDelay time.Duration             // ConsistencyDelay, or as long as that is on an emulated cloud
	Rates            map[string]ratelimit.Rate // of calls, by the SDK's id of the service; Rates, or none
	Speed            float64                   // seconds of the cloud in one of ours; 0: it does all at once
	Count            cloud.Counter             // is told of each request to AWS; nil: nobody is
}

// Provider is AWS as a cloud.Provider.
type Provider struct {
	config   awssdk.Config
	now      func() time.Time // the cloud's
	sessions sessions
	memory   *vpc.Memory
	buckets  *ratelimit.Buckets
	pace     ratelimit.Clock // of what is paced
}

var _ cloud.Provider = (*Provider)(nil)

// Load finds credentials, endpoint and CA where every program of AWS does: in the environment (such as AWS_PROFILE and
// AWS_ENDPOINT_URL), in ~/.aws, or in the machine's own role. It does not try the credentials: Check does.
func Load(ctx context.Context) (Options, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return Options{}, fmt.Errorf("read the configuration of AWS: %w", err)
	}
	if c.Credentials == nil {
		return Options{}, fmt.Errorf("read the configuration of AWS: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role is given")
	}
	return Options{Config: c}, nil
}

// New makes the provider. It makes no call.
func New(o Options) *Provider {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := o.Config.Copy()
	c.Retryer = func() awssdk.Retryer { return awssdk.NopRetryer{} } // who calls us tries again
	if c.HTTPClient != nil {
		c.HTTPClient = whole{c.HTTPClient}
	}
	c.Region = cmp.Or(c.Region, "us-east-1") // where accounts are entered from; each call says its own
	c.APIOptions = append(c.APIOptions, awserr.Counted(o.Count))
	return &Provider{
		now: o.Now, config: c, memory: vpc.NewMemory(o.Now, o.ConsistencyDelay), buckets: ratelimit.New(ratelimit.NewClock(o.Speed).Now, o.Rates),
		pace: ratelimit.NewClock(o.Speed), sessions: sessions{accounts: map[cloud.Account]*entered{}, open: map[cloud.Scope]*session{}},
	}
}

// Rates are somewhat below what AWS allows an account in a region, in a second of its own.
func Rates() map[string]ratelimit.Rate {
	rates := map[string]ratelimit.Rate{}
	for family, perSecond := range map[string]float64{awserr.EC2: 15, awserr.EKS: 8, awserr.IAM: 10,
		awserr.STS: 20, awserr.ELB: 5, awserr.ClassicELB: 5} {
		rates[family] = ratelimit.Rate{PerSecond: perSecond, Burst: int(max(1, 4*perSecond))}
	}
	return rates
}

// within opens a session and runs one call in it, with a deadline and its name on every error.
func (p *Provider) within(ctx context.Context, op string, s cloud.Scope, do func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	region, err := offers.Region(s.Region)
	if err != nil {
		return &cloud.Error{Class: cloud.Invalid, Op: op, Code: cloud.UnknownRegion, Message: err.Error()}
	}
	if err = p.inside(ctx, s, region, do); awserr.Is(err, "ExpiredToken*", "RequestExpired") {
		p.forget(s.Account) // by their clock our credentials have ended: we enter anew
		err = p.inside(ctx, s, region, do)
	}
	return awserr.Of(op, err)
}

func (p *Provider) inside(ctx context.Context, s cloud.Scope, region string, do func(context.Context, *session) error) error {
	at, err := p.enter(ctx, s, region)
	if err != nil {
		return err
	}
	return do(ctx, at)
}

// observed is within for calls that answer with an observation.
func (p *Provider) observed(ctx context.Context, op string, s cloud.Scope,
	do func(context.Context, *session) (cloud.Observation, error)) (o cloud.Observation, err error) {
	err = p.within(ctx, op, s, func(ctx context.Context, at *session) (err error) {
		o, err = do(ctx, at)
		var wait later
		if errors.As(err, &wait) {
			o, err = cloud.Observation{Phase: cloud.Creating, Raw: wait.Error(), Owner: wait.owner, After: wait.after}, nil
		}
		o.Region = at.region
		return err
	})
	if err != nil {
		return cloud.Observation{}, err
	}
	return o, nil
}

// credentialsOf are those of an account: those of a role in it, or the process's own. They are kept until they expire.
func (p *Provider) credentialsOf(a cloud.Account) awssdk.CredentialsProvider {
	if a.Role == "" {
		return p.config.Credentials
	}
	assume := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(p.config), roleARN(p.config.Region, a), func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "aerie"
		if a.ExternalID != "" {
			o.ExternalID = &a.ExternalID
		}
	})
	return awssdk.NewCredentialsCache(assume, func(o *awssdk.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute })
}
