package sdktest

import (
	"fmt"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// TestSessions is who may be which role for how long.
func TestSessions(t *testing.T) {
	r := start(t, 0)
	ctx := t.Context()
	platform := r.accounts()[0].ID
	customer, err := r.as(r.accounts()[1].Roles[0].ExternalID)
	must(t, err)
	made := func(name, trust string) *string {
		_, err := r.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
		must(t, err)
		return str("arn:aws:iam::" + platform + ":role/" + name)
	}
	const policy = `{"Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"%s}]}`
	user, root, other := "arn:aws:iam::"+platform+":user/aerie", "arn:aws:iam::"+platform+":root", "arn:aws:iam::"+r.accounts()[1].ID+":role/aerie"
	open := made("open", fmt.Sprintf(policy, user, ""))
	account := made("account", fmt.Sprintf(policy, root, ""))
	bound := made("bound", fmt.Sprintf(policy, user, `,"Condition":{"StringEquals":{"sts:ExternalId":"x"}}`))
	chained := made("chained", fmt.Sprintf(policy, other, ""))
	closed := made("closed", `{"Statement":[]}`)
	for _, row := range []struct {
		name    string
		as      clients
		role    *string
		id      *string
		seconds int32
		want    string
	}{
		{"one that trusts the user", r.clients, open, nil, 3600, ""},
		{"one that trusts the account", r.clients, account, nil, 3600, ""},
		{"one that trusts nobody", r.clients, closed, nil, 3600, "AccessDenied"},
		{"one that is not there", r.clients, str("arn:aws:iam::" + platform + ":role/none"), nil, 3600, "AccessDenied"},
		{"an external id that is right", r.clients, bound, str("x"), 3600, ""},
		{"an external id that is not", r.clients, bound, str("y"), 3600, "AccessDenied"},
		{"from another account without trust", customer, open, nil, 3600, "AccessDenied"},
		{"from another role, for an hour", customer, chained, nil, 3600, ""},
		{"from another role, for longer", customer, chained, nil, 3601, "ValidationError"},
		{"for too short", r.clients, open, nil, 899, "ValidationError"},
		{"for half a day", r.clients, open, nil, 43200, ""},
		{"for longer than that", r.clients, open, nil, 43201, "ValidationError"},
		{"what is no role", r.clients, str("arn:aws:iam::" + platform + ":user/aerie"), nil, 3600, "ValidationError"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := row.as.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: row.role, RoleSessionName: str("s"), ExternalId: row.id, DurationSeconds: awssdk.Int32(row.seconds)})
			is(t, row.want, err)
		})
	}
}

func TestIAMQuotas(t *testing.T) {
	r := start(t, 0)
	all := r.accounts()
	all[0].Quotas = map[string]int{"roles": 1, "oidc-providers": 0}
	must(t, core.WriteAccounts(r.dir, all))
	_, err := r.role(t.Context(), "one")
	must(t, err)
	_, err = r.role(t.Context(), "two")
	is(t, "LimitExceeded", err)
	_, err = r.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: str("https://issuer")})
	is(t, "LimitExceeded", err)
}
