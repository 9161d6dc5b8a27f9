package kube_test

import (
	"fmt"
	"testing"

	"github.com/aeriehq/aerie/cloud/kube"
)

// Where a cluster has no policy that brings pods to their machines, the pod templates of what is installed do; what they say
// themselves stays.
func TestPodsGetTheirMachines(t *testing.T) {
	for _, row := range []struct{ kind, pod, want string }{
		{"Deployment", `{"containers": [], "tolerations": [{"key": "mine"}]}`,
			"map[aerie.io/tenantinfra:small] [map[key:mine] map[key:aerie.io/tenantinfra operator:Equal value:small]]"},
		{"Pod", `{"containers": [], "nodeSelector": {"disk": "fast"}}`,
			"map[aerie.io/tenantinfra:small disk:fast] [map[key:aerie.io/tenantinfra operator:Equal value:small]]"},
		{"CronJob", `{"containers": [], "nodeSelector": {"aerie.io/tenantinfra": "other"}, "tolerations": [{"key": "aerie.io/tenantinfra"}]}`,
			"map[aerie.io/tenantinfra:other] [map[key:aerie.io/tenantinfra]]"},
		{"ConfigMap", `{"a": "b"}`, "<nil> <nil>"},
	} {
		text, path := `{"kind": "`+row.kind+`", "spec": {"template": {"spec": `+row.pod+`}}}`, []string{"spec", "template", "spec"}
		switch row.kind {
		case "Pod":
			text, path = `{"kind": "Pod", "spec": `+row.pod+`}`, []string{"spec"}
		case "CronJob":
			text, path = `{"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": `+row.pod+`}}}}}`, []string{"spec", "jobTemplate", "spec", "template", "spec"}
		}
		o, err := kube.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		before := fmt.Sprint(o)
		pod := kube.Nested(kube.PodDefaults{Pool: "small"}.In(o), path...)
		if got := fmt.Sprintf("%v %v", pod["nodeSelector"], pod["tolerations"]); got != row.want {
			t.Errorf("%s: %s, want %s", row.kind, got, row.want)
		}
		if fmt.Sprint(o) != before {
			t.Errorf("%s: the given object was changed", row.kind)
		}
	}
}
