package sdktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// restricted is a user who has the rights of one policy.
func (r *rig) restricted(document string) clients {
	r.Helper()
	all := r.accounts()
	user := core.User{Name: "restricted", AccessKeyID: "AKIARESTRICTED", SecretAccessKey: "s", Rights: core.Rights{Policies: []json.RawMessage{[]byte(document)}}}
	all[0].Users = append(all[0].Users, user)
	must(r, core.WriteAccounts(r.dir, all))
	return clientsOf(r.config(user.AccessKeyID, user.SecretAccessKey))
}

// TestDenied has each service refuse what a policy does not allow, in its own words, and the ledger know of it.
func TestDenied(t *testing.T) {
	r := start(t, 0)
	c := r.restricted(`{"Statement": [
		{"Effect": "Allow", "Action": ["ec2:*", "iam:*", "sts:*"], "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-2"}}},
		{"Effect": "Deny", "Action": "eks:*", "Resource": "*"}]}`)
	ctx := t.Context()
	_, err := c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	is(t, "UnauthorizedOperation", err)
	_, err = c.iam.ListRoles(ctx, &iam.ListRolesInput{})
	is(t, "AccessDenied", err)
	_, err = c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: str("arn:aws:iam::" + r.accounts()[1].ID + ":role/aerie"), RoleSessionName: str("s"), ExternalId: &r.accounts()[1].Roles[0].ExternalID})
	is(t, "AccessDenied", err)
	_, err = c.eks.ListClusters(ctx, &eks.ListClustersInput{})
	is(t, "AccessDeniedException", err)
	if !strings.Contains(err.Error(), "with an explicit deny in an identity-based policy") {
		t.Error(err)
	}
	_, err = c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}) // which needs no right
	must(t, err)
	refused := 0
	for _, call := range r.ledger().Calls {
		if strings.HasSuffix(call.Caller, "user/restricted") && call.Status == http.StatusForbidden && strings.Contains(call.Message, "is not authorized to perform: "+call.Service+":"+call.Op+" on resource: ") {
			refused++
		}
	}
	if refused != 4 {
		t.Errorf("%d refusals are in the ledger: %+v", refused, r.ledger().Calls)
	}
}

// TestRolesOfIAM judges who is a role that IAM made by the policies that IAM gave it.
func TestRolesOfIAM(t *testing.T) {
	r := start(t, 0)
	ctx, name := t.Context(), str("r")
	trust := fmt.Sprintf(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:user/aerie"},"Action":"sts:AssumeRole"}}`, r.accounts()[0].ID)
	made, err := r.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: &trust})
	must(t, err)
	session, err := r.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: str("s")})
	must(t, err)
	cfg := r.cfg.Copy()
	key := *session.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKeyId, *key.SecretAccessKey, *key.SessionToken)
	look := func() error {
		_, err := clientsOf(cfg).ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
		return err
	}
	is(t, "UnauthorizedOperation", look())
	_, err = r.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: str("p"), PolicyDocument: str(`{"Statement":{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}}`)})
	must(t, err)
	must(t, look())
	_, err = r.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: str("p")})
	must(t, err)
	is(t, "UnauthorizedOperation", look())
	_, err = r.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: str("arn:aws:iam::aws:policy/AdministratorAccess")})
	must(t, err)
	must(t, look())
}

// TestBoundaries has a role whose policies allow everything do what its boundary allows too, and nothing else.
func TestBoundaries(t *testing.T) {
	r := start(t, 0)
	ctx, name, account := t.Context(), str("r"), r.accounts()[0].ID
	all := r.accounts()
	all[0].Managed = []core.ManagedPolicy{{Path: "/p/", Name: "look", Document: json.RawMessage(`{"Statement":{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}}`)}}
	must(t, core.WriteAccounts(r.dir, all))
	trust := fmt.Sprintf(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:user/aerie"},"Action":"sts:AssumeRole"}}`, account)
	bound, none := str("arn:aws:iam::"+account+":policy/p/look"), str("arn:aws:iam::"+account+":policy/look")
	_, err := r.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: bound})
	must(t, err)
	_, err = r.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: none})
	is(t, "NoSuchEntity", err)
	_, err = r.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: &trust, PermissionsBoundary: none})
	is(t, "NoSuchEntity", err)
	made, err := r.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: &trust, PermissionsBoundary: bound})
	must(t, err)
	listed, err := r.iam.ListRoles(ctx, &iam.ListRolesInput{})
	must(t, err)
	if *made.Role.PermissionsBoundary.PermissionsBoundaryArn != *bound || listed.Roles[0].PermissionsBoundary != nil {
		t.Errorf("%+v, listed as %+v", made.Role, listed.Roles[0])
	}
	_, err = r.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: str("arn:aws:iam::aws:policy/AdministratorAccess")})
	must(t, err)
	session, err := r.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: str("s")})
	must(t, err)
	key := *session.Credentials
	cfg := r.cfg.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKeyId, *key.SecretAccessKey, *key.SessionToken)
	c := clientsOf(cfg)
	_, err = c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	must(t, err)
	_, err = c.eks.ListClusters(ctx, &eks.ListClustersInput{})
	is(t, "AccessDeniedException", err)
	if !strings.Contains(err.Error(), "because no permissions boundary allows the eks:ListClusters action") {
		t.Error(err)
	}
	simulated, err := r.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: made.Role.Arn, ActionNames: []string{"eks:ListClusters"}})
	must(t, err)
	if d := simulated.EvaluationResults[0].EvalDecision; d != "implicitDeny" {
		t.Error(d)
	}
	_, err = r.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: none})
	is(t, "NoSuchEntity", err)
	_, err = r.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name})
	must(t, err)
	_, err = c.eks.ListClusters(ctx, &eks.ListClustersInput{})
	must(t, err)
}
