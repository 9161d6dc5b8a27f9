package aws

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
)

func (q *request) createProvider() (doc, error) {
	issuer := text(q.in, "Url")
	host, ok := strings.CutPrefix(issuer, "https://")
	arn := "arn:aws:iam::" + q.Account + ":oidc-provider/" + host
	switch {
	case !ok || host == "":
		return nil, fail("ValidationError", "Invalid Open ID Connect Provider URL")
	case q.Global().Find("oidc-provider", "", arn) != nil:
		return nil, fail("EntityAlreadyExists", "Provider with url %s already exists.", issuer)
	}
	if most := q.server.accounts.quota(q.Account, "oidc-providers"); len(q.Global().All("oidc-provider")) >= most {
		return nil, fail("LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", most)
	}
	t := q.Global().Make(emulator.Thing{Kind: "oidc-provider", Name: arn, Tags: readTags(q.in, "Tags"), Doc: doc{
		"Url": host, "ClientIDList": list(q.in, "ClientIDList"), "ThumbprintList": list(q.in, "ThumbprintList"), "CreateDate": stamp(q.Now),
	}}, 0)
	return doc{"OpenIDConnectProviderArn": arn, "Tags": tagList(t.Tags, "Key", "Value")}, nil
}

// provider is the one that a request names.
func (q *request) provider() (*emulator.Thing, error) {
	arn := text(q.in, "OpenIDConnectProviderArn")
	t := q.Global().See("oidc-provider", "", arn)
	if t == nil {
		return nil, fail("NoSuchEntity", "OpenIDConnect Provider not found for arn %s", arn)
	}
	return t, nil
}

func (q *request) getProvider() (doc, error) {
	t, err := q.provider()
	if err != nil {
		return nil, err
	}
	d := visible(t)
	d["Tags"] = tagList(t.Tags, "Key", "Value")
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
		err = merge(q.Edit(t), readTags(q.in, "Tags"))
	}
	return nil, err
}

func (q *request) listProviderTags() (doc, error) {
	t, err := q.provider()
	if err != nil {
		return nil, err
	}
	return q.marked("Tags", tagList(t.Tags, "Key", "Value"))
}
