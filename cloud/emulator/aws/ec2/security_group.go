package ec2

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// AllTraffic is a rule that lets all through.
func AllTraffic() doc {
	return doc{"ipProtocol": "-1", "ipRanges": []any{doc{"cidrIp": "0.0.0.0/0"}}}
}

func (q *request) createGroup() (doc, error) {
	vpc, err := q.find(&vpcKind)
	if err != nil {
		return nil, err
	}
	name, there := core.Text(q.Params, "GroupName"), 0
	for _, other := range q.Here().All("security-group") {
		if other.Text("vpcId") != vpc.Name {
			continue
		}
		there++
		if other.Text("groupName") == name {
			return nil, core.Fail("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc.Name)
		}
	}
	if err := q.room(&GroupKind, there); err != nil {
		return nil, err
	}
	t := q.make(&GroupKind, doc{
		"vpcId": vpc.Name, "ownerId": q.Account, "groupName": name, "groupDescription": core.Text(q.Params, "GroupDescription"),
		"ipPermissions": []any{}, "ipPermissionsEgress": []any{AllTraffic()},
	})
	return doc{"groupId": t.Name, "tagSet": core.TagSet(t.Tags)}, nil
}

func (q *request) deleteGroup() (doc, error) {
	t, err := q.find(&GroupKind)
	if err != nil {
		return nil, err
	}
	if t.Text("groupName") == "default" {
		return nil, core.Fail("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", t.Name)
	}
	if q.used(&GroupKind, t) {
		return nil, core.Fail("DependencyViolation", "resource %s has a dependent object", t.Name)
	}
	q.Drop(t)
	return doc{"return": true, "groupId": t.Name}, nil
}

// rules are the rules of a request, one for each source, as they are shown.
func (q *request) rules() (all []any) {
	for _, p := range core.Docs(q.Params, "IpPermissions") {
		base := doc{"ipProtocol": core.Text(p, "IpProtocol")}
		for from, to := range map[string]string{"FromPort": "fromPort", "ToPort": "toPort"} {
			if n, there := core.Whole(p, from); there {
				base[to] = float64(n)
			}
		}
		for _, r := range core.Docs(p, "IpRanges") {
			all = append(all, rule(base, "ipRanges", lower(r)))
		}
		for _, r := range core.Docs(p, "Ipv6Ranges") {
			all = append(all, rule(base, "ipv6Ranges", lower(r)))
		}
		for _, g := range core.Docs(p, "Groups") {
			from := lower(g)
			from["userId"] = q.Account
			all = append(all, rule(base, "groups", from))
		}
	}
	return all
}

func rule(base doc, field string, source doc) doc {
	r := emulator.Copy(base)
	r[field] = []any{source}
	return r
}

// lower is what a rule's source says, with its fields as answers write them.
func lower(d doc) doc {
	out := doc{}
	for _, field := range []string{"cidrIp", "cidrIpv6", "groupId", "description"} {
		if v := core.Text(d, core.Capital(field)); v != "" {
			out[field] = v
		}
	}
	return out
}

// authorizes adds rules to one side of a security group.
func authorizes(side string) func(*request) (doc, error) {
	return func(q *request) (doc, error) {
		t, err := q.find(&GroupKind)
		if err != nil {
			return nil, err
		}
		rules := q.rules()
		if len(rules) == 0 {
			return nil, core.Fail("MissingParameter", "The request must contain the parameter ipPermissions")
		}
		e := q.Edit(t)
		for _, r := range rules {
			there := core.List(e.Doc, side)
			if slices.ContainsFunc(there, func(old any) bool { return core.Same(old, r) }) {
				return nil, core.Fail("InvalidPermission.Duplicate", "the specified rule already exists in %s", t.Name)
			}
			e.Doc[side] = append(there, r)
		}
		return doc{"return": true, "securityGroupRuleSet": q.shownRules(t, side, rules)}, nil
	}
}

func (q *request) shownRules(t *emulator.Resource, side string, rules []any) []any {
	shown := []any{}
	for _, r := range rules {
		d := doc{"securityGroupRuleId": "sgr-0" + core.RandomHex(16), "groupId": t.Name, "groupOwnerId": q.Account, "isEgress": side != "ipPermissions", "ipProtocol": r.(doc)["ipProtocol"]}
		for _, port := range []string{"fromPort", "toPort"} {
			if v, there := r.(doc)[port]; there {
				d[port] = v
			}
		}
		shown = append(shown, d)
	}
	return shown
}

// revokes takes rules from one side of a security group.
func revokes(side string) func(*request) (doc, error) {
	return func(q *request) (doc, error) {
		t, err := q.find(&GroupKind)
		if err != nil {
			return nil, err
		}
		e := q.Edit(t)
		for _, r := range q.rules() {
			there := core.List(e.Doc, side)
			left := slices.DeleteFunc(slices.Clone(there), func(old any) bool { return core.Same(old, r) })
			if len(left) == len(there) {
				return nil, core.Fail("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			e.Doc[side] = left
		}
		return doc{"return": true}, nil
	}
}
