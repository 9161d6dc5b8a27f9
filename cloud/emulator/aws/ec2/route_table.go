package ec2

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

func localRoute(block string) doc {
	return doc{"destinationCidrBlock": block, "gatewayId": "local", "state": "active", "origin": "CreateRouteTable"}
}

// nameAssociations writes into a table's associations of which table they are.
func nameAssociations(t *emulator.Resource) {
	for _, a := range core.Docs(t.Doc, "associationSet") {
		a["routeTableId"] = t.Name
	}
}

func (q *request) createTable() (doc, error) {
	if t, err := q.repeated(&tableKind); t != nil || err != nil {
		return tableAnswer(t), err
	}
	vpc, err := q.find(&vpcKind)
	if err != nil {
		return nil, err
	}
	there := 0
	for _, other := range q.Here().All("route-table") {
		if other.Text("vpcId") == vpc.Name {
			there++
		}
	}
	if err := q.room(&tableKind, there); err != nil {
		return nil, err
	}
	t := q.make(&tableKind, doc{
		"vpcId": vpc.Name, "ownerId": q.Account, "associationSet": []any{}, "routeSet": []any{localRoute(vpc.Text("cidrBlock"))},
	}, q.asked)
	return tableAnswer(t), nil
}

func tableAnswer(t *emulator.Resource) doc {
	if t == nil {
		return nil
	}
	return doc{"routeTable": show(t), "clientToken": t.Token}
}

func (q *request) createRoute() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	to := core.Text(q.Params, "DestinationCidrBlock")
	if _, err := cidr(to); err != nil {
		return nil, err
	}
	route := doc{"destinationCidrBlock": to, "state": "active", "origin": "CreateRoute"}
	if err := q.target(t, route); err != nil {
		return nil, err
	}
	e := q.Edit(t)
	for _, r := range core.Docs(e.Doc, "routeSet") {
		if core.Text(r, "destinationCidrBlock") != to {
			continue
		}
		if r["gatewayId"] == route["gatewayId"] && r["natGatewayId"] == route["natGatewayId"] {
			return doc{"return": true}, nil // it is there
		}
		return nil, core.Fail("RouteAlreadyExists", "The route identified by %s already exists.", to)
	}
	e.Doc["routeSet"] = append(core.List(e.Doc, "routeSet"), route)
	return doc{"return": true}, nil
}

// replaceRoute leads a route that is there elsewhere.
func (q *request) replaceRoute() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	to := core.Text(q.Params, "DestinationCidrBlock")
	route := doc{"destinationCidrBlock": to, "state": "active", "origin": "CreateRoute"}
	if err := q.target(t, route); err != nil {
		return nil, err
	}
	routes := core.List(q.Edit(t).Doc, "routeSet")
	for i, r := range routes {
		if r, ok := r.(doc); ok && core.Text(r, "destinationCidrBlock") == to && core.Text(r, "gatewayId") != "local" {
			routes[i] = route
			return doc{"return": true}, nil
		}
	}
	return nil, core.Fail("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", to)
}

// target fills in where a route leads.
func (q *request) target(table *emulator.Resource, route doc) error {
	switch {
	case core.Text(q.Params, "GatewayId") != "":
		gateway, err := q.named(&gatewayKind, core.Text(q.Params, "GatewayId"))
		if err != nil {
			return err
		}
		if attached(gateway) != table.Text("vpcId") {
			return core.Fail("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", table.Name, gateway.Name)
		}
		route["gatewayId"] = gateway.Name
	case core.Text(q.Params, "NatGatewayId") != "":
		nat, err := q.named(&natKind, core.Text(q.Params, "NatGatewayId"))
		if err != nil {
			return err
		}
		if state := nat.Text("state"); state != "available" {
			return core.Fail("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist or is not available: it is %s", nat.Name, state)
		}
		route["natGatewayId"] = nat.Name
	default:
		return core.Fail("MissingParameter", "The request must contain a target: GatewayId or NatGatewayId")
	}
	return nil
}

func (q *request) deleteRoute() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	to := core.Text(q.Params, "DestinationCidrBlock")
	e := q.Edit(t)
	routes := core.List(e.Doc, "routeSet")
	left := slices.DeleteFunc(slices.Clone(routes), func(r any) bool { return core.Text(r.(doc), "destinationCidrBlock") == to })
	if len(left) == len(routes) {
		return nil, core.Fail("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", to, t.Name)
	}
	e.Doc["routeSet"] = left
	return doc{"return": true}, nil
}

func (q *request) associateTable() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	subnet, err := q.find(&SubnetKind)
	if err != nil {
		return nil, err
	}
	if subnet.Text("vpcId") != t.Text("vpcId") {
		return nil, core.Fail("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", t.Name, subnet.Name)
	}
	if other := q.tableOf("subnetId", subnet.Name); other != nil && other.Name != t.Name {
		return nil, core.Fail("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", t.Name)
	}
	id := "rtbassoc-0" + core.RandomHex(16)
	for _, a := range core.Docs(t.Doc, "associationSet") {
		if core.Text(a, "subnetId") == subnet.Name {
			return doc{"associationId": core.Text(a, "routeTableAssociationId"), "associationState": doc{"state": "associated"}}, nil
		}
	}
	e := q.Edit(t)
	e.Doc["associationSet"] = append(core.List(e.Doc, "associationSet"), doc{
		"routeTableAssociationId": id, "routeTableId": t.Name, "subnetId": subnet.Name, "main": false, "associationState": doc{"state": "associated"},
	})
	return doc{"associationId": id, "associationState": doc{"state": "associated"}}, nil
}

// tableOf is the route table one of whose associations has a value in a field.
func (q *request) tableOf(field, value string) *emulator.Resource {
	for _, t := range q.Here().All("route-table") {
		for _, a := range core.Docs(t.Doc, "associationSet") {
			if core.Text(a, field) == value {
				return t
			}
		}
	}
	return nil
}

func (q *request) disassociateTable() (doc, error) {
	id := core.Text(q.Params, "AssociationId")
	t := q.tableOf("routeTableAssociationId", id)
	if t == nil {
		return nil, core.Fail("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
	}
	if t.With != 0 {
		return nil, core.Fail("InvalidParameterValue", "cannot disassociate the main route table association %s", id)
	}
	q.without(t, "routeTableAssociationId", id)
	return doc{"return": true}, nil
}

// dissociate ends what associates a subnet that goes.
func (q *request) dissociate(subnet string) {
	if t := q.tableOf("subnetId", subnet); t != nil {
		q.without(t, "subnetId", subnet)
	}
}

func (q *request) without(t *emulator.Resource, field, value string) {
	e := q.Edit(t)
	e.Doc["associationSet"] = slices.DeleteFunc(core.List(e.Doc, "associationSet"), func(a any) bool { return core.Text(a.(doc), field) == value })
}

func (q *request) deleteTable() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	if len(core.List(t.Doc, "associationSet")) > 0 {
		return nil, core.Fail("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", t.Name)
	}
	q.Drop(t)
	return doc{"return": true}, nil
}
