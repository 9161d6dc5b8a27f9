package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/aeriehq/aerie/cloud"
)

// changeCluster brings a cluster to the spec, one change at a time, as EKS wants it. A failed one is only observed.
func (at *session) changeCluster(ctx context.Context, has *types.Cluster, spec cloud.ClusterSpec) (cloud.Observation, error) {
	o := observeCluster(has)
	switch {
	case o.Owner != spec.Owner:
		return o, taken("cluster", spec.Name, o.Owner)
	case o.Phase == cloud.Deleting:
		return o, refuse(cloud.Conflict, "Deleting", "cluster %s is being deleted", spec.Name)
	case o.Phase == cloud.Failed:
		return o, nil
	}
	if err := immutable(has, spec); err != nil {
		return o, err
	}
	if err := versionStep(o.Version, spec.Version); err != nil {
		return o, err
	}
	if o.Phase != cloud.Ready {
		return o, nil
	}
	return at.changeReady(ctx, has, spec, o)
}

func (at *session) changeReady(ctx context.Context, has *types.Cluster, spec cloud.ClusterSpec,
	o cloud.Observation) (cloud.Observation, error) {
	var err error
	switch is := o.Options; {
	case spec.Version != "" && spec.Version != o.Version:
		_, err = at.eks.UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{
			Name: &spec.Name, Version: &spec.Version, ClientRequestToken: token("version", spec.Name, spec.Owner, spec.Token, spec.Version),
		})
	// What is shown decides whether to change it, so the SDK's own token will do: one of ours would be the same when an
	// option is changed there, back, and there again.
	case spec.Options.Private != is.Private:
		_, err = at.eks.UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{Name: &spec.Name, ResourcesVpcConfig: &types.VpcConfigRequest{
			EndpointPrivateAccess: awssdk.Bool(true), EndpointPublicAccess: awssdk.Bool(!spec.Options.Private),
		}})
	case spec.Options.Logging != is.Logging:
		_, err = at.eks.UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{Name: &spec.Name, Logging: logging(spec.Options.Logging)})
	default:
		return at.settled(ctx, has, spec, o)
	}
	if err != nil {
		return o, err
	}
	o.Phase, o.Raw = cloud.Updating, string(types.ClusterStatusUpdating)
	return o, nil
}

// settled makes what comes after a cluster is ready, and notes for which wish it is.
func (at *session) settled(ctx context.Context, has *types.Cluster, spec cloud.ClusterSpec,
	o cloud.Observation) (cloud.Observation, error) {
	if err := at.ensureOIDC(ctx, has, spec.Owner); err != nil {
		return o, err
	}
	if err := at.admit(ctx, spec); err != nil {
		return o, err
	}
	if hash := spec.Hash(); o.SpecHash != hash {
		if err := at.tag(ctx, o.ID, hash); err != nil {
			return o, err
		}
		o.SpecHash = hash
	}
	return o, nil
}

// tag notes the wish that a cluster, a node group or an add-on comes to.
func (at *session) tag(ctx context.Context, arn, hash string) error {
	_, err := at.eks.TagResource(ctx, &eks.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{tagSpec: hash}})
	return err
}

// immutable refuses what EKS can't change.
func immutable(has *types.Cluster, spec cloud.ClusterSpec) error {
	vpc := has.ResourcesVpcConfig
	moved := has.Tags[tagNetwork] != spec.Network
	if subnets := spec.Existing.Subnets; len(subnets) > 0 && vpc != nil {
		moved = moved || !slices.Equal(slices.Sorted(slices.Values(subnets)), slices.Sorted(slices.Values(vpc.SubnetIds)))
	}
	if moved || optionsOf(has).SecretsKey != spec.Options.SecretsKey {
		return refuse(cloud.Invalid, "Immutable", "cluster %s cannot change its network or the key of its secrets", spec.Name)
	}
	return nil
}

// versionStep refuses to go back or to skip a version.
func versionStep(is, wanted string) error {
	if wanted == "" || wanted == is {
		return nil
	}
	to, err := minor(wanted)
	if err != nil {
		return err
	}
	if from, err := minor(is); err == nil && to != from+1 {
		return refuse(cloud.Invalid, "VersionSkew", "a cluster at %s can go to 1.%d, not to %s", is, from+1, wanted)
	}
	return nil
}

// optionsOf reads the options of a cluster.
func optionsOf(c *types.Cluster) (o cloud.ClusterOptions) {
	if c.ResourcesVpcConfig != nil {
		o.Private = !c.ResourcesVpcConfig.EndpointPublicAccess
	}
	if c.Logging != nil {
		for _, l := range c.Logging.ClusterLogging {
			o.Logging = o.Logging || awssdk.ToBool(l.Enabled)
		}
	}
	if len(c.EncryptionConfig) > 0 && c.EncryptionConfig[0].Provider != nil {
		o.SecretsKey = awssdk.ToString(c.EncryptionConfig[0].Provider.KeyArn)
	}
	return o
}

func logging(on bool) *types.Logging {
	return &types.Logging{ClusterLogging: []types.LogSetup{{Enabled: &on, Types: types.LogType("").Values()}}}
}

// usableKey refuses what is not the ARN of a key in the cluster's region, before anything is made. An alias is none: EKS
// shows the key that it stands for, and who moves it would have asked for a change that can't be made.
func (at *session) usableKey(key string) error {
	if key == "" || strings.HasPrefix(key, "arn:"+partition(at.region)+":kms:"+at.region+":") && strings.Contains(key, ":key/") {
		return nil
	}
	return refuse(cloud.Invalid, "InvalidKey", "%q is not the ARN of a key in %s, such as arn:aws:kms:%[2]s:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", key, at.region)
}

func encryption(key string) []types.EncryptionConfig {
	if key == "" {
		return nil
	}
	return []types.EncryptionConfig{{Provider: &types.Provider{KeyArn: &key}, Resources: []string{"secrets"}}}
}

// token is the same for every repetition of one wish.
func token(parts ...string) *string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return awssdk.String(hex.EncodeToString(sum[:16]))
}
