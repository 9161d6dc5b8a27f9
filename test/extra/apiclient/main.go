// Command apiclient is what somebody would write who has the OpenAPI document alone: it makes a customer with calls that
// oapi-codegen has made of the document, and reads it again. The test that runs it puts the package api beside it.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"apiclient/api"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, token string) error {
	c, err := api.NewClientWithResponses(url, api.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}))
	if err != nil {
		return err
	}
	hosting := api.CustomerSpecHosting("provider")
	made, err := c.CreateCustomerWithResponse(ctx, "acme", "acme", nil, api.CreateCustomerBody{Spec: &api.CustomerSpec{Hosting: &hosting}, Labels: &map[string]string{"tier": "gold"}})
	if err != nil {
		return err
	}
	if made.JSON200 == nil {
		return fmt.Errorf("create: %s: %s", made.Status(), made.Body)
	}
	got, err := c.GetCustomerWithResponse(ctx, "acme", nil)
	if err != nil {
		return err
	}
	if got.JSON200 == nil {
		return fmt.Errorf("get: %s: %s", got.Status(), got.Body)
	}
	fmt.Println(got.JSON200.Id, *got.JSON200.Spec.Hosting, got.JSON200.Labels)
	return nil
}
