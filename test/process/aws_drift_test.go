package process

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const oneDataplane = `
kind: account
name: main
spec: {cloud: aws, number: "111122223333"}
---
kind: dataplane
name: eu
spec: {account: main, region: eu-central-1}
`

// TestDriftOnAWS has machines taken away past aerie, and waits until they are back.
func TestDriftOnAWS(t *testing.T) {
	t.Parallel()
	a, p := awsWith(t, oneDataplane)
	overwrite(t, filepath.Join(a.dir, "by-hand.json"), `[{"delete":"nodegroup"}]`)
	repaired := func() bool {
		history := p.cli("history", "dataplane", "-/eu", "-o", "name").out
		_, after, drifted := strings.Cut(history, "drifted")
		return drifted && strings.Contains(after, "update_done")
	}
	for end := time.Now().Add(2 * time.Minute); !repaired(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not repaired: %s\n%s", p.cli("history", "dataplane", "-/eu").out, p.log)
		}
	}
	p.empty()
	if left := a.ledger().Live(time.Now()); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}
