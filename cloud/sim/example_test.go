package sim_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/sim"
)

// No call waits: the same wish is said again until the cloud has it, and says meanwhile when that is worth it. So whoever is killed
// in between goes on by asking, and makes nothing twice.
func Example() {
	dir, err := os.MkdirTemp("", "aerie-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	here := sim.Options{Dir: dir, Now: func() time.Time { return now }, Speed: 1}
	home := cloud.Scope{Account: cloud.Account{ID: "4711"}, Region: "eu-central"}
	wish := cloud.NetworkSpec{Name: "eu", Owner: "-/dataplane/eu/u1", Range: "10.20.0.0/16", Token: "t1"}
	for range 2 {
		c, err := sim.Open(here) // a process that is killed after its call
		if err != nil {
			fmt.Println(err)
			return
		}
		seen, err := c.EnsureNetwork(context.Background(), home, wish)
		fmt.Println(seen.Phase, err)
		now = now.Add(time.Minute)
		owned, err := c.ListOwned(context.Background(), home, "-/dataplane/eu/")
		fmt.Println(len(owned), "of the owner's there", err)
		_ = c.Close()
	}
	// Output:
	// creating <nil>
	// 1 of the owner's there <nil>
	// ready <nil>
	// 1 of the owner's there <nil>
}
