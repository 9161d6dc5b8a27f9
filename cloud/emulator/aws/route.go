package aws

import (
	"slices"

	"github.com/aeriehq/aerie/cloud/emulator"
)

func localRoute(block string) doc {
	return doc{"destinationCidrBlock": block, "gatewayId": "local", "state": "active", "origin": "CreateRouteTable"}
}

// nameAssociations writes into a table's associations of which table they are.
func nameAssociations(t *emulator.Thing) {
	for _, a := range docs(t.Doc, "associationSet") {
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

func tableAnswer(t *emulator.Thing) doc {
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
	to := text(q.in, "DestinationCidrBlock")
	if _, err := cidr(to); err != nil {
		return nil, err
	}
	route := doc{"destinationCidrBlock": to, "state": "active", "origin": "CreateRoute"}
	if err := q.target(t, route); err != nil {
		return nil, err
	}
	e := q.Edit(t)
	for _, r := range docs(e.Doc, "routeSet") {
		if text(r, "destinationCidrBlock") != to {
			continue
		}
		if r["gatewayId"] == route["gatewayId"] && r["natGatewayId"] == route["natGatewayId"] {
			return doc{"return": true}, nil // it is there
		}
		return nil, fail("RouteAlreadyExists", "The route identified by %s already exists.", to)
	}
	e.Doc["routeSet"] = append(list(e.Doc, "routeSet"), route)
	return doc{"return": true}, nil
}

// replaceRoute leads a route that is there elsewhere.
func (q *request) replaceRoute() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	to := text(q.in, "DestinationCidrBlock")
	route := doc{"destinationCidrBlock": to, "state": "active", "origin": "CreateRoute"}
	if err := q.target(t, route); err != nil {
		return nil, err
	}
	routes := list(q.Edit(t).Doc, "routeSet")
	for i, r := range routes {
		if r, ok := r.(doc); ok && text(r, "destinationCidrBlock") == to && text(r, "gatewayId") != "local" {
			routes[i] = route
			return doc{"return": true}, nil
		}
	}
	return nil, fail("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", to)
}

// target fills in where a route leads.
func (q *request) target(table *emulator.Thing, route doc) error {
	switch {
	case text(q.in, "GatewayId") != "":
		gateway, err := q.named(&gatewayKind, text(q.in, "GatewayId"))
		if err != nil {
			return err
		}
		if attached(gateway) != table.Text("vpcId") {
			return fail("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", table.Name, gateway.Name)
		}
		route["gatewayId"] = gateway.Name
	case text(q.in, "NatGatewayId") != "":
		nat, err := q.named(&natKind, text(q.in, "NatGatewayId"))
		if err != nil {
			return err
		}
		if state := nat.Text("state"); state != "available" {
			return fail("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist or is not available: it is %s", nat.Name, state)
		}
		route["natGatewayId"] = nat.Name
	default:
		return fail("MissingParameter", "The request must contain a target: GatewayId or NatGatewayId")
	}
	return nil
}

func (q *request) deleteRoute() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	to := text(q.in, "DestinationCidrBlock")
	e := q.Edit(t)
	routes := list(e.Doc, "routeSet")
	left := slices.DeleteFunc(slices.Clone(routes), func(r any) bool { return text(r.(doc), "destinationCidrBlock") == to })
	if len(left) == len(routes) {
		return nil, fail("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", to, t.Name)
	}
	e.Doc["routeSet"] = left
	return doc{"return": true}, nil
}

func (q *request) associateTable() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	subnet, err := q.find(&subnetKind)
	if err != nil {
		return nil, err
	}
	if subnet.Text("vpcId") != t.Text("vpcId") {
		return nil, fail("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", t.Name, subnet.Name)
	}
	if other := q.tableOf("subnetId", subnet.Name); other != nil && other.Name != t.Name {
		return nil, fail("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", t.Name)
	}
	id := "rtbassoc-0" + random(16)
	for _, a := range docs(t.Doc, "associationSet") {
		if text(a, "subnetId") == subnet.Name {
			return doc{"associationId": text(a, "routeTableAssociationId"), "associationState": doc{"state": "associated"}}, nil
		}
	}
	e := q.Edit(t)
	e.Doc["associationSet"] = append(list(e.Doc, "associationSet"), doc{
		"routeTableAssociationId": id, "routeTableId": t.Name, "subnetId": subnet.Name, "main": false, "associationState": doc{"state": "associated"},
	})
	return doc{"associationId": id, "associationState": doc{"state": "associated"}}, nil
}

// tableOf is the route table one of whose associations has a value in a field.
func (q *request) tableOf(field, value string) *emulator.Thing {
	for _, t := range q.Here().All("route-table") {
		for _, a := range docs(t.Doc, "associationSet") {
			if text(a, field) == value {
				return t
			}
		}
	}
	return nil
}

func (q *request) disassociateTable() (doc, error) {
	id := text(q.in, "AssociationId")
	t := q.tableOf("routeTableAssociationId", id)
	if t == nil {
		return nil, fail("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
	}
	if t.With != 0 {
		return nil, fail("InvalidParameterValue", "cannot disassociate the main route table association %s", id)
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

func (q *request) without(t *emulator.Thing, field, value string) {
	e := q.Edit(t)
	e.Doc["associationSet"] = slices.DeleteFunc(list(e.Doc, "associationSet"), func(a any) bool { return text(a.(doc), field) == value })
}

func (q *request) deleteTable() (doc, error) {
	t, err := q.find(&tableKind)
	if err != nil {
		return nil, err
	}
	if len(list(t.Doc, "associationSet")) > 0 {
		return nil, fail("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", t.Name)
	}
	q.Drop(t)
	return doc{"return": true}, nil
}
