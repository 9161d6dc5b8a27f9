package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"
)

func named(what string, err error) error {
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func poll(ctx context.Context, fail chan error, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return errors.New("not ready after 60 s")
		case err := <-fail:
			if err != nil {
				return err
			}
		case <-time.After(25 * time.Millisecond):
		}
	}
	return nil
}

func waitReady(ctx context.Context, c kubernetes.Interface, fail chan error) error {
	return poll(ctx, fail, func() bool {
		var status int
		rctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		c.Discovery().RESTClient().Get().AbsPath("/readyz").Do(rctx).StatusCode(&status)
		return status == http.StatusOK
	})
}
