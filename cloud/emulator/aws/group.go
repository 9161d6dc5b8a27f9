package aws

import (
	"reflect"
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
)

// everywhere is a rule that lets all through.
func everywhere() doc {
	return doc{"ipProtocol": "-1", "ipRanges": []any{doc{"cidrIp": "0.0.0.0/0"}}}
}

func (q *request) createGroup() (doc, error) {
	vpc, err := q.find(&vpcKind)
	if err != nil {
		return nil, err
	}
	name, there := text(q.in, "GroupName"), 0
	for _, other := range q.Here().All("security-group") {
		if other.Text("vpcId") != vpc.Name {
			continue
		}
		there++
		if other.Text("groupName") == name {
			return nil, fail("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc.Name)
		}
	}
	if err := q.room(&groupKind, there); err != nil {
		return nil, err
	}
	t := q.make(&groupKind, doc{
		"vpcId": vpc.Name, "ownerId": q.Account, "groupName": name, "groupDescription": text(q.in, "GroupDescription"),
		"ipPermissions": []any{}, "ipPermissionsEgress": []any{everywhere()},
	})
	return doc{"groupId": t.Name, "tagSet": tagSet(t.Tags)}, nil
}

func (q *request) deleteGroup() (doc, error) {
	t, err := q.find(&groupKind)
	if err != nil {
		return nil, err
	}
	if t.Text("groupName") == "default" {
		return nil, fail("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", t.Name)
	}
	if q.used(&groupKind, t) {
		return nil, fail("DependencyViolation", "resource %s has a dependent object", t.Name)
	}
	q.Drop(t)
	return doc{"return": true, "groupId": t.Name}, nil
}

// rules are the rules of a request, one for each source, as they are shown.
func (q *request) rules() (all []any) {
	for _, p := range docs(q.in, "IpPermissions") {
		base := doc{"ipProtocol": text(p, "IpProtocol")}
		for from, to := range map[string]string{"FromPort": "fromPort", "ToPort": "toPort"} {
			if n, there := whole(p, from); there {
				base[to] = float64(n)
			}
		}
		for _, r := range docs(p, "IpRanges") {
			all = append(all, rule(base, "ipRanges", lower(r)))
		}
		for _, r := range docs(p, "Ipv6Ranges") {
			all = append(all, rule(base, "ipv6Ranges", lower(r)))
		}
		for _, g := range docs(p, "Groups") {
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
		if v := text(d, capital(field)); v != "" {
			out[field] = v
		}
	}
	return out
}

// sameRule compares two rules; what describes them does not count.
func sameRule(a, b any) bool {
	return reflect.DeepEqual(bare(a), bare(b))
}

func bare(v any) any {
	switch x := v.(type) {
	case doc:
		out := doc{}
		for k, e := range x {
			if k != "description" {
				out[k] = bare(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = bare(e)
		}
		return out
	}
	return v
}

// authorizes adds rules to one side of a security group.
func authorizes(side string) func(*request) (doc, error) {
	return func(q *request) (doc, error) {
		t, err := q.find(&groupKind)
		if err != nil {
			return nil, err
		}
		rules := q.rules()
		if len(rules) == 0 {
			return nil, fail("MissingParameter", "The request must contain the parameter ipPermissions")
		}
		e := q.Edit(t)
		for _, r := range rules {
			there := list(e.Doc, side)
			if slices.ContainsFunc(there, func(old any) bool { return sameRule(old, r) }) {
				return nil, fail("InvalidPermission.Duplicate", "the specified rule already exists in %s", t.Name)
			}
			e.Doc[side] = append(there, r)
		}
		return doc{"return": true, "securityGroupRuleSet": q.shownRules(t, side, rules)}, nil
	}
}

func (q *request) shownRules(t *emulator.Thing, side string, rules []any) []any {
	shown := []any{}
	for _, r := range rules {
		d := doc{"securityGroupRuleId": "sgr-0" + random(16), "groupId": t.Name, "groupOwnerId": q.Account, "isEgress": side != "ipPermissions", "ipProtocol": r.(doc)["ipProtocol"]}
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
		t, err := q.find(&groupKind)
		if err != nil {
			return nil, err
		}
		e := q.Edit(t)
		for _, r := range q.rules() {
			there := list(e.Doc, side)
			left := slices.DeleteFunc(slices.Clone(there), func(old any) bool { return sameRule(old, r) })
			if len(left) == len(there) {
				return nil, fail("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			e.Doc[side] = left
		}
		return doc{"return": true}, nil
	}
}
