package ec2

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
)

// ec2Makes are the kinds that calls make, and ec2On those that are there and that they are on.
var (
	makes = map[string]*Kind{
		"CreateVpc": &vpcKind, "CreateSubnet": &SubnetKind, "CreateInternetGateway": &gatewayKind, "AllocateAddress": &addressKind,
		"CreateNatGateway": &natKind, "CreateRouteTable": &tableKind, "CreateSecurityGroup": &GroupKind, "CreateVolume": &volumeKind,
	}
	actsOn = map[string][]*Kind{
		"CreateSubnet": {&vpcKind}, "CreateRouteTable": {&vpcKind}, "CreateSecurityGroup": {&vpcKind}, "CreateNatGateway": {&SubnetKind, &addressKind},
		"DeleteVpc": {&vpcKind}, "ModifyVpcAttribute": {&vpcKind}, "DeleteSubnet": {&SubnetKind}, "ModifySubnetAttribute": {&SubnetKind},
		"AttachInternetGateway": {&gatewayKind, &vpcKind}, "DetachInternetGateway": {&gatewayKind, &vpcKind}, "DeleteInternetGateway": {&gatewayKind},
		"ReleaseAddress": {&addressKind}, "DeleteNatGateway": {&natKind}, "DeleteVolume": {&volumeKind}, "DeleteNetworkInterface": {&InterfaceKind},
		"CreateRoute": {&tableKind}, "ReplaceRoute": {&tableKind}, "DeleteRoute": {&tableKind}, "DeleteRouteTable": {&tableKind}, "AssociateRouteTable": {&tableKind, &SubnetKind},
		"DeleteSecurityGroup": {&GroupKind}, "AuthorizeSecurityGroupIngress": {&GroupKind}, "AuthorizeSecurityGroupEgress": {&GroupKind},
		"RevokeSecurityGroupIngress": {&GroupKind}, "RevokeSecurityGroupEgress": {&GroupKind},
	}
)

// rightsOf has a new thing as a star of its kind, with the tags that are asked for; giving them is a right of its own,
// with the name of the call that makes the thing. The tags of what is there are as they are, shown or not.
func rightsOf(call *core.Request) (all []core.Right) {
	r := &request{call}
	action := "ec2:" + r.Op
	if k := makes[r.Op]; k != nil {
		tags := r.tagsFor(k.Name)
		all = append(all, core.Right{Action: action, Resource: r.arn(k.Name, "*"), Context: core.RequestTags(tags)})
		if len(tags) > 0 {
			all = append(all, core.Right{Action: "ec2:CreateTags", Resource: r.arn(k.Name, "*"), Context: core.WithKey(core.RequestTags(tags), "ec2:CreateAction", r.Op)})
		}
	}
	for _, k := range actsOn[r.Op] {
		all = r.onThing(all, action, k, core.Text(r.Params, core.Capital(k.id)), nil)
	}
	if r.Op == "CreateTags" || r.Op == "DeleteTags" {
		for _, id := range core.Texts(r.Params, "ResourceId") {
			for _, k := range kinds {
				if strings.HasPrefix(id, k.Prefix) {
					all = r.onThing(all, action, k, id, core.RequestTags(core.ReadTags(r.Params, "Tag")))
				}
			}
		}
		return all
	}
	if makes[r.Op] == nil && actsOn[r.Op] == nil {
		return []core.Right{{Action: action, Resource: "*"}}
	}
	return all
}

func (r *request) onThing(all []core.Right, action string, k *Kind, id string, c policy.Context) []core.Right {
	if t := r.Here().Find(k.Name, "", id); t != nil {
		all = append(all, core.Right{Action: action, Resource: r.arn(k.Name, id), Context: core.ResourceTags(c, t, "aws", "ec2")})
	}
	return all
}

func (r *request) arn(kind, id string) string {
	return "arn:aws:ec2:" + r.Region + ":" + r.Account + ":" + kind + "/" + id
}
