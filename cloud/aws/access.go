package aws

import (
	"context"
	"encoding/base64"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// tokenLife is how long a cluster takes a token: 15 minutes, less one for the way.
const tokenLife = 14 * time.Minute

// Access implements cloud.Provider.
func (p *Provider) Access(ctx context.Context, s cloud.Scope, cluster string) (a cloud.Access, err error) {
	err = p.within(ctx, "Access", s, func(ctx context.Context, at *session) error {
		c, err := at.cluster(ctx, cluster)
		switch {
		case err != nil:
			return err
		case c == nil:
			return refuse(cloud.NotFound, "NoCluster", "there is no cluster %s", cluster)
		case c.Status != types.ClusterStatusActive && c.Status != types.ClusterStatusUpdating:
			return refuse(cloud.Conflict, "ClusterNotReady", "cluster %s is %s", cluster, c.Status)
		}
		ca, err := authority(c)
		a = cloud.Access{Endpoint: awssdk.ToString(c.Endpoint), CA: ca, Token: bearer(at, cluster)}
		return err
	})
	return a, err
}

// bearer makes tokens of a cluster: each is a request to STS, signed but not sent, by which the cluster asks who we are.
func bearer(at *session, cluster string) func(context.Context) (string, time.Time, error) {
	client := sts.NewPresignClient(at.sts, func(o *sts.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, func(o *sts.Options) {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("x-k8s-aws-id", cluster), smithyhttp.SetHeaderValue("X-Amz-Expires", "60"))
		})
	})
	return func(ctx context.Context) (string, time.Time, error) {
		until := time.Now().Add(tokenLife)
		signed, err := client.PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", time.Time{}, awserr.Of("Access", err)
		}
		return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(signed.URL)), until, nil
	}
}
