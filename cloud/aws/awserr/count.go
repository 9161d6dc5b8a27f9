package awserr

import (
	"context"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/aeriehq/aerie/cloud"
)

// Counted tells a counter of each request to AWS, by service and operation. What waits for its turn before is not counted.
func Counted(count cloud.Counter) func(*middleware.Stack) error {
	tell := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		out middleware.DeserializeOutput, md middleware.Metadata, err error) {
		began := time.Now()
		out, md, err = next.HandleDeserialize(ctx, in)
		count.Count(awsmiddleware.GetServiceID(ctx)+"."+awsmiddleware.GetOperationName(ctx), Of("", err), began)
		return out, md, err
	}
	return func(s *middleware.Stack) error {
		return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("aerie.counted", tell), middleware.Before)
	}
}
