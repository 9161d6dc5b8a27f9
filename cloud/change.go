package cloud

import "context"

type changes struct{}

// WithChanges has the calls that are made with a context tell each change that they have asked of a cloud and that it has
// taken, in the cloud's own name of it, such as eks:CreateCluster. It may be told by several at once.
func WithChanges(ctx context.Context, told func(change string)) context.Context {
	return context.WithValue(ctx, changes{}, told)
}

// Changed tells a change to who wants to know.
func Changed(ctx context.Context, change string) {
	if told, ok := ctx.Value(changes{}).(func(string)); ok {
		told(change)
	}
}
