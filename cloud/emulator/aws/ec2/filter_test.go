package ec2

import (
	"testing"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// FuzzFilters feeds the reader of EC2's filters and tags.
func FuzzFilters(f *testing.F) {
	f.Add("Filter.1.Name=vpc-id&Filter.1.Value.1=v")
	f.Add("TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=k")
	f.Fuzz(func(t *testing.T, form string) {
		in, err := core.ParseQuery(form)
		if err != nil {
			return
		}
		q := &request{&core.Request{Params: in}}
		_, _ = q.filters(&vpcKind)
		_ = q.tagsFor("vpc")
	})
}
