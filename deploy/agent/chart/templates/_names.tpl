{{- define "agent.labels" -}}
{{ include "agent.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "agent.selector" -}}
app.kubernetes.io/name: aerie-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agent.check" -}}
{{- if not .Values.image.repository }}{{ fail "image.repository is missing: where you have pushed the image, see docs/kubernetes.md" }}{{ end }}
{{- if not .Values.image.tag }}{{ fail "image.tag is missing: a tag, or sha256:…" }}{{ end }}
{{- end }}
