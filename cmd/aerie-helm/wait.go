package main

import (
	"os"
	"time"

	helmkube "helm.sh/helm/v4/pkg/kube"

	"github.com/aeriehq/aerie/kube/helm"
)

// telling is Helm's client, which tells when it waits for a hook: that costs nothing, and makes room for others.
type telling struct {
	*helmkube.Client
	to *os.File
}

// GetWaiter implements Helm's Interface, as the others do.
func (t telling) GetWaiter(s helmkube.WaitStrategy) (helmkube.Waiter, error) {
	return t.GetWaiterWithOptions(s)
}

func (t telling) GetWaiterWithOptions(s helmkube.WaitStrategy, o ...helmkube.WaitOption) (helmkube.Waiter, error) {
	w, err := t.Client.GetWaiterWithOptions(s, o...)
	return waiter{w, t.to}, err
}

type waiter struct {
	helmkube.Waiter
	to *os.File
}

func (w waiter) WatchUntilReady(r helmkube.ResourceList, within time.Duration) error {
	_, _ = w.to.Write([]byte{helm.Waits}) // who does not listen any more is gone, and so are we soon
	err := w.Waiter.WatchUntilReady(r, within)
	_, _ = w.to.Write([]byte{helm.Works})
	return err
}
