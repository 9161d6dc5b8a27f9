package aws

import (
	"context"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// issuer is under which name a cluster vouches for its pods, without the scheme; empty while it is being made.
func issuer(c *types.Cluster) string {
	if c.Identity == nil || c.Identity.Oidc == nil {
		return ""
	}
	return strings.TrimPrefix(awssdk.ToString(c.Identity.Oidc.Issuer), "https://")
}

// oidcARN is fixed by the issuer, so a provider can't be made twice.
func (at *session) oidcARN(issuer string) string {
	return "arn:" + partition(at.region) + ":iam::" + at.scope.Account.ID + ":oidc-provider/" + issuer
}

// ensureOIDC lets pods of a cluster be roles.
func (at *session) ensureOIDC(ctx context.Context, c *types.Cluster, owner string) error {
	name := issuer(c)
	if name == "" {
		return nil
	}
	_, err := at.iam.GetOpenIDConnectProvider(ctx,
		&iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: awssdk.String(at.oidcARN(name))})
	if !awserr.Gone(err) {
		return err
	}
	_, err = at.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: c.Identity.Oidc.Issuer, ClientIDList: []string{"sts.amazonaws.com"},
		Tags: []iamtypes.Tag{{Key: awssdk.String(tagOwner), Value: &owner}, {Key: awssdk.String(tagName), Value: c.Name}},
	})
	if awserr.Is(err, "EntityAlreadyExists") {
		return nil // it was not seen yet
	}
	return err
}

// leftOIDC is a provider of this region that carries a mark.
type leftOIDC struct{ arn, cluster, owner string }

// oidcProviders lists those of the region's clusters. A listing has no tags, so each is read.
func (at *session) oidcProviders(ctx context.Context) (found []leftOIDC, err error) {
	all, err := at.iam.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		return nil, err
	}
	for _, p := range all.OpenIDConnectProviderList {
		arn := awssdk.ToString(p.Arn)
		if !strings.Contains(arn, "."+at.region+".") {
			continue
		}
		t, err := at.iam.ListOpenIDConnectProviderTags(ctx, &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: &arn})
		if awserr.UnlessGone(err) != nil {
			return nil, err
		}
		if err != nil {
			continue
		}
		if m := roleTags(t.Tags); m[tagOwner] != "" {
			found = append(found, leftOIDC{arn, m[tagName], m[tagOwner]})
		}
	}
	return found, nil
}

// deleteOwnedOIDC deletes our provider of a cluster, which may itself be gone already. Somebody else's stays.
func (at *session) deleteOwnedOIDC(ctx context.Context, cluster, owner string) error {
	all, err := at.oidcProviders(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.cluster != cluster || p.owner != owner {
			continue
		}
		if _, err := at.iam.DeleteOpenIDConnectProvider(ctx,
			&iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &p.arn}); awserr.UnlessGone(err) != nil {
			return err
		}
	}
	return nil
}
