package aws

import (
	"slices"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// What each call asks for is the Service Authorization Reference's: which resources an action is on and which condition
// keys they have. Where that does not say it, or nobody has tried it, it says so below.

// rights are all that a call asks for. Of what is not there nothing is asked: the call says that it is not there.
func (r *request) rights() []right {
	switch r.service {
	case "ec2":
		return r.ec2Rights()
	case "eks":
		return r.eksRights()
	case "iam":
		return r.iamRights()
	case "elasticloadbalancing":
		return r.balancerRights()
	}
	if r.op == "GetCallerIdentity" { // it needs none
		return nil
	}
	account, _, _ := roleOf(text(r.in, "RoleArn"))
	if account == r.caller.account { // there the role's trust is enough
		return nil
	}
	return []right{{action: "sts:" + r.op, resource: text(r.in, "RoleArn")}}
}

// ec2Makes are the kinds that calls make, and ec2On those that are there and that they are on.
var (
	ec2Makes = map[string]*ec2Kind{
		"CreateVpc": &vpcKind, "CreateSubnet": &subnetKind, "CreateInternetGateway": &gatewayKind, "AllocateAddress": &addressKind,
		"CreateNatGateway": &natKind, "CreateRouteTable": &tableKind, "CreateSecurityGroup": &groupKind, "CreateVolume": &volumeKind,
	}
	ec2On = map[string][]*ec2Kind{
		"CreateSubnet": {&vpcKind}, "CreateRouteTable": {&vpcKind}, "CreateSecurityGroup": {&vpcKind}, "CreateNatGateway": {&subnetKind, &addressKind},
		"DeleteVpc": {&vpcKind}, "ModifyVpcAttribute": {&vpcKind}, "DeleteSubnet": {&subnetKind}, "ModifySubnetAttribute": {&subnetKind},
		"AttachInternetGateway": {&gatewayKind, &vpcKind}, "DetachInternetGateway": {&gatewayKind, &vpcKind}, "DeleteInternetGateway": {&gatewayKind},
		"ReleaseAddress": {&addressKind}, "DeleteNatGateway": {&natKind}, "DeleteVolume": {&volumeKind}, "DeleteNetworkInterface": {&interfaceKind},
		"CreateRoute": {&tableKind}, "ReplaceRoute": {&tableKind}, "DeleteRoute": {&tableKind}, "DeleteRouteTable": {&tableKind}, "AssociateRouteTable": {&tableKind, &subnetKind},
		"DeleteSecurityGroup": {&groupKind}, "AuthorizeSecurityGroupIngress": {&groupKind}, "AuthorizeSecurityGroupEgress": {&groupKind},
		"RevokeSecurityGroupIngress": {&groupKind}, "RevokeSecurityGroupEgress": {&groupKind},
	}
)

// ec2Rights has a new thing as a star of its kind, with the tags that are asked for; giving them is a right of its own,
// with the name of the call that makes the thing. The tags of what is there are as they are, shown or not.
func (r *request) ec2Rights() (all []right) {
	action := "ec2:" + r.op
	if k := ec2Makes[r.op]; k != nil {
		tags := r.tagsFor(k.kind)
		all = append(all, right{action, r.ec2ARN(k.kind, "*"), asking(tags)})
		if len(tags) > 0 {
			all = append(all, right{"ec2:CreateTags", r.ec2ARN(k.kind, "*"), adding(asking(tags), "ec2:CreateAction", r.op)})
		}
	}
	for _, k := range ec2On[r.op] {
		all = r.onThing(all, action, k, text(r.in, capital(k.id)), nil)
	}
	if r.op == "CreateTags" || r.op == "DeleteTags" {
		for _, id := range texts(r.in, "ResourceId") {
			for _, k := range ec2Kinds {
				if strings.HasPrefix(id, k.prefix) {
					all = r.onThing(all, action, k, id, asking(readTags(r.in, "Tag")))
				}
			}
		}
		return all
	}
	if ec2Makes[r.op] == nil && ec2On[r.op] == nil {
		return []right{{action: action, resource: "*"}}
	}
	return all
}

func (r *request) onThing(all []right, action string, k *ec2Kind, id string, c policy.Context) []right {
	if t := r.Here().Find(k.kind, "", id); t != nil {
		all = append(all, right{action, r.ec2ARN(k.kind, id), tagged(c, t, "aws", "ec2")})
	}
	return all
}

func (r *request) ec2ARN(kind, id string) string {
	return "arn:aws:ec2:" + r.Region + ":" + r.Account + ":" + kind + "/" + id
}

// asking is what is known of tags that are asked for.
func asking(tags map[string]string) policy.Context {
	c := policy.Context{}
	for k, v := range tags {
		c["aws:RequestTag/"+k] = []string{v}
	}
	if len(tags) > 0 {
		c["aws:TagKeys"] = sortedKeys(tags)
	}
	return c
}

// tagged adds what is known of a thing's tags, under the names that each service has for them.
func tagged(c policy.Context, t *emulator.Thing, services ...string) policy.Context {
	for _, s := range services {
		for k, v := range t.Tags {
			c = adding(c, s+":ResourceTag/"+k, v)
		}
	}
	return c
}

// balancerRights: only what deletes is on something.
func (r *request) balancerRights() []right {
	action, kind, id := "elasticloadbalancing:"+r.op, balancerKind, text(r.in, "LoadBalancerName")+text(r.in, "LoadBalancerArn")
	switch r.op {
	case "DeleteTargetGroup":
		kind, id = targetKind, text(r.in, "TargetGroupArn")
	case "DeleteLoadBalancer":
	default:
		return []right{{action: action, resource: "*"}}
	}
	t := r.Here().Find(kind, "", nameOf(id))
	if t == nil {
		return nil
	}
	if !strings.HasPrefix(id, "arn:") {
		id = "arn:aws:elasticloadbalancing:" + r.Region + ":" + r.Account + ":loadbalancer/" + id
	}
	return []right{{action, id, tagged(nil, t, "aws", "elasticloadbalancing")}}
}

// iamOnNothing are the calls of IAM that are on nothing.
var iamOnNothing = []string{"ListRoles", "ListOpenIDConnectProviders"}

// iamOnBoundary are the calls on a role of which it is known which boundary that has. Where a call gives one, it is known
// which.
var iamOnBoundary = []string{"AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "DeleteRolePermissionsBoundary"}

// bounding adds what is known of a boundary; nothing of none.
func bounding(c policy.Context, arn string) policy.Context {
	if arn == "" {
		return c
	}
	return adding(c, "iam:PermissionsBoundary", arn)
}

// iamRights has the path of a role that is there in its ARN. Of one that is not IAM knows the name alone, and asks for the
// right to that before it says that it is not there. (This is said of GetRole by people who met it; the reference does not
// say it.)
func (r *request) iamRights() []right {
	action := "iam:" + r.op
	tags := readTags(r.in, "Tags")
	switch {
	case slices.Contains(iamOnNothing, r.op):
		return []right{{action: action, resource: "*"}}
	case r.op == "SimulatePrincipalPolicy":
		return []right{{action: action, resource: text(r.in, "PolicySourceArn")}}
	case r.op == "CreateRole":
		asked := bounding(asking(tags), text(r.in, boundaryField))
		return r.andTag(right{action, r.roleARN(text(r.in, "Path"), text(r.in, "RoleName")), asked}, "iam:TagRole", tags)
	case r.op == "GetPolicy":
		return []right{{action: action, resource: text(r.in, "PolicyArn")}}
	case r.op == "CreateOpenIDConnectProvider":
		arn := "arn:aws:iam::" + r.Account + ":oidc-provider/" + strings.TrimPrefix(text(r.in, "Url"), "https://")
		return r.andTag(right{action, arn, asking(tags)}, "iam:TagOpenIDConnectProvider", tags)
	case strings.Contains(r.op, "OpenIDConnectProvider"):
		return r.onProvider(action, asking(tags))
	}
	one := right{action, r.roleARN("", text(r.in, "RoleName")), asking(tags)}
	if t := r.Global().Find("role", "", text(r.in, "RoleName")); t != nil {
		one.resource, one.context = t.Text("Arn"), tagged(one.context, t, "aws", "iam")
		if slices.Contains(iamOnBoundary, r.op) {
			one.context = bounding(one.context, boundaryOf(t))
		}
	}
	if r.op == "PutRolePermissionsBoundary" {
		one.context = bounding(one.context, text(r.in, boundaryField))
	}
	if arn := text(r.in, "PolicyArn"); arn != "" {
		one.context = adding(one.context, "iam:PolicyARN", arn)
	}
	return []right{one}
}

func (r *request) roleARN(at, name string) string {
	if at == "" {
		at = "/"
	}
	return "arn:aws:iam::" + r.Account + ":role" + at + name
}

func (r *request) onProvider(action string, c policy.Context) []right {
	arn := text(r.in, "OpenIDConnectProviderArn")
	if t := r.Global().Find("oidc-provider", "", arn); t != nil {
		c = tagged(c, t, "aws", "iam")
	}
	return []right{{action, arn, c}}
}

// andTag is the right to make something and, if it is to have tags, the one to give them, on the same.
func (r *request) andTag(make right, action string, tags map[string]string) []right {
	if len(tags) == 0 {
		return []right{make}
	}
	return []right{make, {action, make.resource, asking(tags)}}
}
