package aws

import (
	"path"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulate"
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
	t := q.Global().Make(emulate.Thing{Kind: "oidc-provider", Name: arn, Tags: readTags(q.in, "Tags"), Doc: doc{
		"Url": host, "ClientIDList": list(q.in, "ClientIDList"), "ThumbprintList": list(q.in, "ThumbprintList"), "CreateDate": stamp(q.Now),
	}}, 0)
	return doc{"OpenIDConnectProviderArn": arn, "Tags": tagList(t.Tags, "Key", "Value")}, nil
}

// provider is the one that a request names.
func (q *request) provider() (*emulate.Thing, error) {
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

// simulate says of each action whether a user or role of the account may do it.
func (q *request) simulate() (doc, error) {
	arn := text(q.in, "PolicySourceArn")
	denies, known := q.deniedTo(arn)
	if !known {
		return nil, fail("NoSuchEntity", "The principal %s cannot be found.", arn)
	}
	resources := texts(q.in, "ResourceArns")
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var results []any
	for _, action := range texts(q.in, "ActionNames") {
		for _, on := range resources {
			decision := "allowed"
			if denied(denies, action) {
				decision = "explicitDeny"
			}
			results = append(results, doc{"EvalActionName": action, "EvalResourceName": on, "EvalDecision": decision, "MatchedStatements": []any{}, "MissingContextValues": []any{}})
		}
	}
	return q.marked("EvaluationResults", results)
}

func (q *request) deniedTo(arn string) (actions []string, known bool) {
	account := q.server.accounts.byID[q.Account]
	for _, u := range account.Users {
		if arn == "arn:aws:iam::"+q.Account+":user/"+u.Name {
			return u.Denied, true
		}
	}
	of, name, isRole := roleOf(arn)
	if !isRole || of != q.Account {
		return nil, false
	}
	if r, ok := q.server.accounts.role(of, name); ok {
		return r.Denied, true
	}
	return nil, q.Global().Find("role", "", path.Base(name)) != nil
}
