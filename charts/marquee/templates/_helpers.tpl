{{/*
Names, labels and images. A "unit" is a workload of this chart: a role, or `fleet` in the profile `embedded`.
*/}}

{{- define "marquee.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* 40 letters at most, so that the longest name, that of feature-store-headless, has 63. */}}
{{- define "marquee.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "marquee.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "marquee.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The units of the profile, separated by blanks. */}}
{{- define "marquee.units" -}}
{{- if eq .Values.profile "embedded" }}fleet{{ else }}ingest feature-store inference monitor trainer{{ end }}
{{- end }}

{{/* The values of a unit over the defaults, as JSON. Takes root and name. */}}
{{- define "marquee.unit" -}}
{{- $values := .root.Values }}
{{- $own := get ($values.roles | default dict) .name }}
{{- if eq .name "fleet" }}{{ $own = $values.embedded }}{{ end }}
{{- if eq .name "operator" }}{{ $own = $values.operator }}{{ end }}
{{- mergeOverwrite (deepCopy $values.defaults) (deepCopy ($own | default dict)) | toJson }}
{{- end }}

{{/* Labels that never change, for selectors. Takes root and name. */}}
{{- define "marquee.selectorLabels" -}}
app.kubernetes.io/name: {{ include "marquee.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .name }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Labels of every object. Takes root and name; objects of the whole release have no name. */}}
{{- define "marquee.labels" -}}
{{ include "marquee.podLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Labels of pods: those of objects without the version of the chart, which replaces no pod. */}}
{{- define "marquee.podLabels" -}}
{{ include "marquee.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: marquee
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The account of a unit. Takes root, name and unit. */}}
{{- define "marquee.serviceAccountName" -}}
{{- if .unit.serviceAccount.create }}
{{- .unit.serviceAccount.name | default (printf "%s-%s" (include "marquee.fullname" .root) .name) }}
{{- else }}
{{- .unit.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* An image. Takes root and image; what the image lacks is that of `image`. */}}
{{- define "marquee.image" -}}
{{- $registry := .root.Values.image.registry | default "" | trimSuffix "/" }}
{{- $name := .image.repository }}
{{- if $registry }}{{ $name = printf "%s/%s" $registry $name }}{{ end }}
{{- if .image.digest }}
{{- printf "%s@%s" $name .image.digest }}
{{- else }}
{{- printf "%s:%s" $name (.image.tag | default .root.Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "marquee.scheme" -}}
{{- if .Values.secrets.serverTls.existingSecret }}https{{ else }}http{{ end }}
{{- end }}

{{/* The address of a unit's gRPC API. Takes root and name. */}}
{{- define "marquee.address" -}}
{{- printf "%s://%s-%s:7070" (include "marquee.scheme" .root) (include "marquee.fullname" .root) .name }}
{{- end }}

{{/* The bytes of a quantity of memory, for example of 1536Mi or 1.5G. Empty if it has another form. */}}
{{- define "marquee.bytes" -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- if not (kindIs "string" .) }}
{{- int64 . }}
{{- else if regexMatch "^[0-9]+([.][0-9]+)?([kMGT]|[KMGT]i)?$" . }}
{{- mulf (regexFind "^[0-9.]+" . | float64) (get $factors (regexFind "[A-Za-z]*$" .)) | floor | int64 }}
{{- end }}
{{- end }}

{{/* The settings of logs and traces of a unit, as JSON. Takes root and unit. */}}
{{- define "marquee.telemetry" -}}
{{- $common := (.root.Values.settings | default dict).telemetry | default dict }}
{{- mergeOverwrite (deepCopy $common) (deepCopy ((.unit.settings | default dict).telemetry | default dict)) | toJson }}
{{- end }}

{{/*
The variables that describe a pod in traces, as a JSON list. It is empty if no traces are sent, or if `extraEnv`
describes the pod. Takes root and unit.
*/}}
{{- define "marquee.traceEnv" -}}
{{- $given := dict }}
{{- range .unit.extraEnv }}{{ $_ := set $given .name true }}{{ end }}
{{- $env := list }}
{{- $telemetry := include "marquee.telemetry" . | fromJson }}
{{- if and $telemetry.otlp_endpoint (not (hasKey $given "OTEL_RESOURCE_ATTRIBUTES")) }}
{{- $pod := dict "fieldRef" (dict "fieldPath" "metadata.name") }}
{{- $attributes := list (printf "k8s.namespace.name=%s" .root.Release.Namespace)
  "k8s.pod.name=$(MARQUEE_POD_NAME)" "service.instance.id=$(MARQUEE_POD_NAME)" | join "," }}
{{- $env = append $env (dict "name" "MARQUEE_POD_NAME" "valueFrom" $pod) }}
{{- $env = append $env (dict "name" "OTEL_RESOURCE_ATTRIBUTES" "value" $attributes) }}
{{- end }}
{{- toJson $env }}
{{- end }}

{{/* Whether calls that write or administer carry a token. Empty if not. */}}
{{- define "marquee.hasToken" -}}
{{- if .Values.secrets.token.existingSecret }}true{{ end }}
{{- end }}

{{/* What a unit needs besides its settings, separated by blanks, as the roles say in the code (`Needs`). */}}
{{- define "marquee.needs" -}}
{{- $needs := dict
  "ingest" "kafka"
  "feature-store" "kafka redis s3"
  "inference" "kafka s3 verifyingKey features"
  "monitor" "kafka redis s3 inference"
  "trainer" "kafka s3 signingKey verifyingKey"
  "fleet" "signingKey verifyingKey" }}
{{- get $needs . }}
{{- end }}
