// Command aerie-helm does one operation on one Helm release and ends. It is no tool for people: aerie starts it, writes a
// request to its standard input and reads the result from its standard output. When that input ends, so does it: its
// aerie is gone, and whoever comes next finds what was left half done.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aeriehq/aerie/cloud/kube/helm"
	"github.com/aeriehq/aerie/internal/coredump"

	_ "golang.org/x/crypto/x509roots/fallback" // in an image that has no certificates of authorities
)

func main() {
	out := os.Stdout
	os.Stdout = os.Stderr // Helm prints now and then
	limit()
	if err := coredump.Forbid(); err != nil { // values have secrets
		fmt.Fprintln(os.Stderr, err)
	}
	in := bufio.NewReader(os.Stdin)
	var q helm.Request
	if err := json.NewDecoder(io.LimitReader(in, maxRequest)).Decode(&q); err != nil {
		fmt.Fprintln(os.Stderr, "read the request:", err)
		os.Exit(2)
	}
	q.Values, _ = whole(q.Values).(map[string]any)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	o := operation{Request: q}
	slow := time.AfterFunc(cmp.Or(q.Rendered, helm.RenderWithin), func() {
		reply(out, helm.Result{}, o.tooSlow())
		os.Exit(0)
	})
	o.rendered = func() { slow.Stop() }
	result, err := o.do()
	reply(out, result, err)
}

// maxRequest is more than any request has.
const maxRequest = 32 << 20

func reply(out io.Writer, r helm.Result, err error) {
	if err != nil {
		r.Failure = &helm.Failure{Code: codeOf(err), Message: err.Error()}
	}
	if err := json.NewEncoder(out).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, "write the result:", err)
		os.Exit(2)
	}
}
