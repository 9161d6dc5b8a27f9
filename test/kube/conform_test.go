package kube_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/kube/kubetest"
)

func TestClusterConforms(t *testing.T) { kubetest.Conform(t, admin, "conform") }
