package iam

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

func (q *request) createProvider() (doc, error) {
	issuer := core.Text(q.Params, "Url")
	host, ok := strings.CutPrefix(issuer, "https://")
	arn := "arn:aws:iam::" + q.Account + ":oidc-provider/" + host
	switch {
	case !ok || host == "":
		return nil, core.Fail("ValidationError", "Invalid Open ID Connect Provider URL")
	case q.Global().Find("oidc-provider", "", arn) != nil:
		return nil, core.Fail("EntityAlreadyExists", "Provider with url %s already exists.", issuer)
	}
	if most := q.Cloud.Accounts.Quota(q.Account, "oidc-providers"); len(q.Global().All("oidc-provider")) >= most {
		return nil, core.Fail("LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", most)
	}
	t := q.Global().Make(emulator.Resource{Kind: "oidc-provider", Name: arn, Tags: core.ReadTags(q.Params, "Tags"), Doc: doc{
		"Url": host, "ClientIDList": core.List(q.Params, "ClientIDList"), "ThumbprintList": core.List(q.Params, "ThumbprintList"), "CreateDate": core.Stamp(q.Now),
	}}, 0)
	return doc{"OpenIDConnectProviderArn": arn, "Tags": core.TagList(t.Tags, "Key", "Value")}, nil
}

// provider is the one that a request names.
func (q *request) provider() (*emulator.Resource, error) {
	arn := core.Text(q.Params, "OpenIDConnectProviderArn")
	t := q.Global().See("oidc-provider", "", arn)
	if t == nil {
		return nil, core.Fail("NoSuchEntity", "OpenIDConnect Provider not found for arn %s", arn)
	}
	return t, nil
}

func (q *request) getProvider() (doc, error) {
	t, err := q.provider()
	if err != nil {
		return nil, err
	}
	d := core.Visible(t)
	d["Tags"] = core.TagList(t.Tags, "Key", "Value")
	return d, nil
}

// deleteProvider is as IAM has it: deleting one that is not there is an error.
func (q *request) deleteProvider() (doc, error) {
	t, err := q.provider()
	if err == nil {
		q.Drop(t)
	}
	return nil, err
}

func (q *request) listProviders() (doc, error) {
	found := []any{}
	for _, t := range q.Global().Shown("oidc-provider") {
		found = append(found, doc{"Arn": t.Name})
	}
	return doc{"OpenIDConnectProviderList": found}, nil
}

func (q *request) tagProvider() (doc, error) {
	t, err := q.provider()
	if err == nil {
		err = core.MergeTags(q.Edit(t), core.ReadTags(q.Params, "Tags"))
	}
	return nil, err
}

func (q *request) listProviderTags() (doc, error) {
	t, err := q.provider()
	if err != nil {
		return nil, err
	}
	return q.marked("Tags", core.TagList(t.Tags, "Key", "Value"))
}
