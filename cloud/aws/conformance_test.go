package aws_test

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/cloudtest"
)

func TestConformance(t *testing.T) {
	cloudtest.Run(t, func(t *testing.T) cloudtest.Rig { return start(t).conformance() })
}
