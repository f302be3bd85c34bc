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
