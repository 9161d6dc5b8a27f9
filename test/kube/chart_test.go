package kube_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
)

// web is a chart with a Deployment, a hook that can be made to hang, and a version.
func web(version string, more map[string]string) []byte {
	files := map[string]string{
		"web/Chart.yaml":  "apiVersion: v2\nname: web\nversion: " + version + "\nkubeVersion: '>=1.30.0-0'\n",
		"web/values.yaml": "replicas: 1\nhook: ''\nimage: example.test/app:1\npod: ''\nclass: ''\n",
		"web/templates/deploy.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
      annotations: {kuberig.test/pod: {{ .Values.pod | quote }}}
    spec: {priorityClassName: {{ .Values.class | quote }}, containers: [{name: c, image: {{ .Values.image | quote }}}]}
`,
		"web/templates/hook.yaml": `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: pre-install,pre-upgrade,pre-rollback,pre-delete
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {kuberig.test/pod: {{ .Values.hook | quote }}}}
    spec: {restartPolicy: Never, containers: [{name: c, image: "example.test/migrate:1"}]}
`,
	}
	for name, body := range more {
		files["web/"+name] = body
	}
	return archive(files)
}

func archive(files map[string]string) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) { // the same chart each time: its bytes are part of what is wished
		body := files[name]
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))})
		_, _ = w.Write([]byte(body))
	}
	_, _ = w.Close(), zip.Close()
	return out.Bytes()
}
