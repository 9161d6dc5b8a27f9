package cloud

import "context"

// Permit is asked by a provider right before each call that makes something in a cloud, and says whether it may be made.
// What names it in the same way each time it is made. Unless it is an error, ended is called with the cloud's own id of
// what was made, or with the error of the call. It may be asked by several at once. If the process dies before ended is called,
// nobody knows what came of the call: the next look at the cloud says.
type Permit func(ctx context.Context, what string) (ended func(id string, err error), err error)

type permitKey struct{}

// WithPermit is a context in which a provider asks before it makes something.
func WithPermit(ctx context.Context, p Permit) context.Context {
	return context.WithValue(ctx, permitKey{}, p)
}

// MayCreate asks the context's permit. Where there is none everything may be made.
func MayCreate(ctx context.Context, what string) (ended func(id string, err error), err error) {
	if p, ok := ctx.Value(permitKey{}).(Permit); ok {
		return p(ctx, what)
	}
	return func(string, error) {}, nil
}
