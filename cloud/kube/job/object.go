package job

import (
	"maps"
	"slices"
	"strconv"

	"github.com/aeriehq/aerie/cloud/kube"
)

// object is the Job as it is asked for. Its end of its log is its message where it fails, so that the reason is in the status.
func (s Spec) object() kube.Object {
	labels := map[string]string{kube.LabelManagedBy: kube.Manager, kube.LabelOwner: s.Owner}
	maps.Copy(labels, s.Labels)
	o := kube.NewObject(API, "Job", s.Namespace, s.Name, map[string]any{
		"backoffLimit":          int64(max(s.Attempts, 1) - 1),
		"activeDeadlineSeconds": int64(s.Deadline.Seconds()),
		"template":              map[string]any{"metadata": map[string]any{"labels": kube.FieldsOf(labels)}, "spec": s.pod()},
	})
	notes := map[string]string{AnnotationTry: s.Try}
	if s.Round != 0 {
		notes[annotationRound] = strconv.Itoa(s.Round)
	}
	o = o.Marked("", labels, notes)
	if owner := s.GoesWith.OwnerReference(); owner != nil {
		o.Metadata()["ownerReferences"] = []any{owner}
	}
	return o
}

func (s Spec) pod() map[string]any {
	container := map[string]any{"name": "run", "image": s.Image, "terminationMessagePolicy": "FallbackToLogsOnError",
		"securityContext": map[string]any{"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []any{"ALL"}},
			"seccompProfile": map[string]any{"type": "RuntimeDefault"}}}
	var env, secrets, command, tolerations []any
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, map[string]any{"name": name, "value": s.Env[name]})
	}
	for _, name := range s.Secrets {
		secrets = append(secrets, map[string]any{"secretRef": map[string]any{"name": name}})
	}
	for _, word := range s.Command {
		command = append(command, word)
	}
	if len(env) > 0 {
		container["env"] = env
	}
	if len(secrets) > 0 {
		container["envFrom"] = secrets
	}
	if len(command) > 0 {
		container["command"] = command
	}
	pod := map[string]any{"restartPolicy": "Never", "automountServiceAccountToken": false, "containers": []any{container}}
	for _, key := range slices.Sorted(maps.Keys(s.Nodes)) {
		tolerations = append(tolerations, map[string]any{"key": key, "operator": "Equal", "value": s.Nodes[key]})
	}
	if len(s.Nodes) > 0 {
		pod["nodeSelector"], pod["tolerations"] = kube.FieldsOf(s.Nodes), tolerations
	}
	return pod
}
