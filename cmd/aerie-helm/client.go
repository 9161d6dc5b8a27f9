package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	helmkube "helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
)

// client is Helm's client, but for a few things. It tells when it waits for a hook: that costs nothing, and makes room for
// others. And what was installed once is not looked for where the cluster does not serve its kind any more: with the kind
// it is gone, and must not keep what is left from being changed or removed.
type client struct {
	*helmkube.Client
	to   *os.File // nil: nobody listens
	back bool     // what was installed once is to come back
}

// Build implements Helm's Interface, as the others do. Helm does not validate what is there already, but what is to come.
func (c client) Build(manifest io.Reader, validate bool) (helmkube.ResourceList, error) {
	switch {
	case validate:
		return c.validated(manifest)
	case c.back:
		return c.Client.Build(manifest, validate)
	}
	return c.served(manifest)
}

// validated is what is to come. To validate a kind that is not known, or not yet, Helm asks what a tenant's installer may
// not, and does not say which kind it is. One that is served and can't be validated so is new: its schema comes.
func (c client) validated(manifest io.Reader) (helmkube.ResourceList, error) {
	text, err := io.ReadAll(manifest)
	if err != nil {
		return nil, err
	}
	list, err := c.Client.Build(bytes.NewReader(text), true)
	if err == nil {
		return list, nil
	}
	if _, unknown := c.Client.Build(bytes.NewReader(text), false); unknown != nil {
		return nil, unknown
	}
	if strings.Contains(err.Error(), "failed to check CRD") {
		err = fault(kube.Unavailable, "the schema of a kind is not published yet: %w", err)
	}
	return nil, err
}

// served is what was installed once, as far as there is something like it.
func (c client) served(manifest io.Reader) (helmkube.ResourceList, error) {
	var served helmkube.ResourceList
	objects := yaml.NewYAMLReader(bufio.NewReader(manifest))
	for {
		object, err := objects.Read()
		if errors.Is(err, io.EOF) {
			return served, nil
		}
		if err != nil {
			return nil, err
		}
		one, err := c.Client.Build(bytes.NewReader(object), false) // by itself: Helm stops at the first that it does not find
		if err != nil && !unserved(err) {
			return nil, err
		}
		served = append(served, one...)
	}
}

// unserved tells whether an error says that a kind is not served. One of several errors does not let look into it.
func unserved(err error) bool {
	if several, ok := err.(utilerrors.Aggregate); ok {
		return slices.ContainsFunc(several.Errors(), unserved)
	}
	var none *meta.NoKindMatchError
	return errors.As(err, &none)
}

func (c client) GetWaiter(s helmkube.WaitStrategy) (helmkube.Waiter, error) {
	return c.GetWaiterWithOptions(s)
}

func (c client) GetWaiterWithOptions(s helmkube.WaitStrategy, o ...helmkube.WaitOption) (helmkube.Waiter, error) {
	w, err := c.Client.GetWaiterWithOptions(s, o...)
	return waiter{w, c.to}, err
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
