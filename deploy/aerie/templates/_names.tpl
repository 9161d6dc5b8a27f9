{{- define "aerie.labels" -}}
{{ include "aerie.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "aerie.selector" -}}
app.kubernetes.io/name: aerie
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* What the schema can't say: two values that need or exclude each other. */}}
{{- define "aerie.check" -}}
{{- if not .Values.image.repository }}{{ fail "image.repository is missing: where you have pushed the image, see docs/kubernetes.md" }}{{ end }}
{{- if not .Values.image.tag }}{{ fail "image.tag is missing: a tag, or sha256:…" }}{{ end }}
{{- if not .Values.token.secretName }}{{ fail "token.secretName is missing: the Secret of the admin token, see docs/kubernetes.md" }}{{ end }}
{{- if and (gt (int .Values.replicas) 1) (not .Values.nats.url) }}{{ fail "replicas: more than one needs nats.url, for the log that they share" }}{{ end }}
{{- if and .Values.nats.keys (not .Values.nats.secretName) }}{{ fail "nats.secretName is missing: the Secret that has nats.keys" }}{{ end }}
{{- if eq (not .Values.tls.secretName) (not .Values.tls.insecure) }}{{ fail "tls: give secretName, or insecure: true, and not both" }}{{ end }}
{{- if and .Values.serviceMonitor.enabled (not .Values.serviceMonitor.tokenSecretName) }}{{ fail "serviceMonitor.tokenSecretName is missing: /metrics needs a token" }}{{ end }}
{{- end }}
