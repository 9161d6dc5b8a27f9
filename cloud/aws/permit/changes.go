package permit

import (
	"context"
	"slices"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/aeriehq/aerie/cloud"
)

// Changes tells each change that AWS has taken, such as eks:CreateCluster.
func Changes(s *middleware.Stack) error {
	tell := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		out middleware.InitializeOutput, md middleware.Metadata, err error) {
		out, md, err = next.HandleInitialize(ctx, in)
		if op := awsmiddleware.GetOperationName(ctx); err == nil && !onlyLooks(op) {
			cloud.Changed(ctx, strings.ToLower(awsmiddleware.GetServiceID(ctx))+":"+op)
		}
		return out, md, err
	}
	return s.Initialize.Add(middleware.InitializeMiddlewareFunc("aerie.changes", tell), middleware.After)
}

// onlyLooks says of an operation that it changes nothing.
func onlyLooks(op string) bool {
	return slices.ContainsFunc([]string{"Describe", "List", "Get", "Assume", "Simulate"}, func(verb string) bool {
		return strings.HasPrefix(op, verb)
	})
}
