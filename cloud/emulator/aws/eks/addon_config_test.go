package eks

import "testing"

// TestConfigured has the storage add-on take tags, and not the setting of its driver that its schema leaves out.
func TestConfigured(t *testing.T) {
	for values, refused := range map[string]bool{
		"": false, `{"controller":{"extraVolumeTags":{"a":"b"}}}`: false, `{"controller":{"k8sTagClusterId":"c"}}`: true, `{"else":{"x":1}}`: true, "no": true,
	} {
		if err := configured("aws-ebs-csi-driver", values); (err != nil) != refused {
			t.Errorf("%s: %v", values, err)
		}
	}
}
