package vpc

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (b *build) hasPublicRoutes() bool {
	return b.have.gateway != nil && b.routed(b.have.public, b.have.publicZones, func(r types.Route) bool {
		return awssdk.ToString(r.GatewayId) == awssdk.ToString(b.have.gateway.InternetGatewayId)
	})
}

func (b *build) hasPrivateRoutes() bool {
	return b.have.nat != nil && b.routed(b.have.private, b.have.privateZones, func(r types.Route) bool {
		return awssdk.ToString(r.NatGatewayId) == awssdk.ToString(b.have.nat.NatGatewayId)
	})
}

// routed says that a table has its way out, and serves all of the subnets.
func (b *build) routed(t *types.RouteTable, subnets map[string]types.Subnet, out func(types.Route) bool) bool {
	if t == nil || !leaves(t, out) {
		return false
	}
	for _, z := range b.zones {
		if !serves(t, subnets[z]) {
			return false
		}
	}
	return true
}

func leaves(t *types.RouteTable, out func(types.Route) bool) bool {
	for _, r := range t.Routes {
		if awssdk.ToString(r.DestinationCidrBlock) == everywhere && out(r) {
			return true
		}
	}
	return false
}

func serves(t *types.RouteTable, s types.Subnet) bool {
	for _, a := range t.Associations {
		if awssdk.ToString(a.SubnetId) == awssdk.ToString(s.SubnetId) {
			return true
		}
	}
	return false
}

func (b *build) makePublicRoutes(ctx context.Context) error {
	return b.makeRoutes(ctx, b.have.public, b.have.publicZones, types.Route{GatewayId: b.have.gateway.InternetGatewayId})
}

func (b *build) makePrivateRoutes(ctx context.Context) error {
	return b.makeRoutes(ctx, b.have.private, b.have.privateZones, types.Route{NatGatewayId: b.have.nat.NatGatewayId})
}

func (b *build) makePublicTable(ctx context.Context) (err error) {
	b.have.public, err = b.makeTable(ctx, partPublicTable)
	return err
}

func (b *build) makePrivateTable(ctx context.Context) (err error) {
	b.have.private, err = b.makeTable(ctx, partPrivateTable)
	return err
}

func (b *build) makeTable(ctx context.Context, part string) (*types.RouteTable, error) {
	made, err := b.n.ec2.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{
		VpcId: b.have.vpc.VpcId, ClientToken: b.token(part), TagSpecifications: tagged(types.ResourceTypeRouteTable, b.spec, part),
	})
	if err != nil {
		return nil, err
	}
	return made.RouteTable, nil
}

// makeRoutes makes a table's way out and its associations, as far as they are not there.
func (b *build) makeRoutes(ctx context.Context, t *types.RouteTable, subnets map[string]types.Subnet, out types.Route) error {
	if err := b.makeWayOut(ctx, t, out); err != nil {
		return err
	}
	for _, z := range b.zones {
		if serves(t, subnets[z]) {
			continue
		}
		if _, err := b.n.ec2.AssociateRouteTable(ctx,
			&ec2.AssociateRouteTableInput{RouteTableId: t.RouteTableId, SubnetId: subnets[z].SubnetId}); err != nil {
			return err
		}
	}
	return nil
}

// makeWayOut sets the route to everywhere, also where it leads to what is no longer there.
func (b *build) makeWayOut(ctx context.Context, t *types.RouteTable, out types.Route) error {
	same := func(r types.Route) bool {
		return awssdk.ToString(r.GatewayId) == awssdk.ToString(out.GatewayId) &&
			awssdk.ToString(r.NatGatewayId) == awssdk.ToString(out.NatGatewayId)
	}
	switch {
	case leaves(t, same):
		return nil
	case leaves(t, func(types.Route) bool { return true }):
		_, err := b.n.ec2.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{
			RouteTableId: t.RouteTableId, DestinationCidrBlock: awssdk.String(everywhere), GatewayId: out.GatewayId, NatGatewayId: out.NatGatewayId,
		})
		return err
	}
	_, err := b.n.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{
		RouteTableId: t.RouteTableId, DestinationCidrBlock: awssdk.String(everywhere), GatewayId: out.GatewayId, NatGatewayId: out.NatGatewayId,
	})
	return err
}
