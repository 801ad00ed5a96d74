{{/* The chart's name, and the release's: as every chart has them. */}}
{{- define "slack.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "slack.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "slack.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Never change the selector: Kubernetes refuses it in an upgrade. */}}
{{- define "slack.selectorLabels" -}}
app.kubernetes.io/name: {{ include "slack.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "slack.labels" -}}
helm.sh/chart: {{ include "slack.chart" . }}
{{ include "slack.selectorLabels" . }}
{{- if .Chart.AppVersion }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "slack.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "slack.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "slack.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Where Teleport is. */}}
{{- define "slack.address" -}}
{{- $address := coalesce .Values.teleport.address .Values.tbot.teleportProxyAddress .Values.tbot.teleportAuthAddress }}
{{- required "teleport.address is needed: the Teleport cluster's address with its port, such as teleport.example.com:443" $address }}
{{- end }}

{{/* The secret with the identity, and its key there. */}}
{{- define "slack.identitySecretName" -}}
{{- if .Values.tbot.enabled }}
{{- include "slack.tbot.outputSecret" . }}
{{- else }}
{{- required "teleport.identitySecretName is needed: a secret with the plugin's identity; or let tbot make one with tbot.enabled" .Values.teleport.identitySecretName }}
{{- end }}
{{- end }}

{{- define "slack.identitySecretPath" -}}
{{- if .Values.tbot.enabled }}identity{{ else }}{{ .Values.teleport.identitySecretPath }}{{ end }}
{{- end }}

{{/* The secret that the chart makes of tokens in the values. */}}
{{- define "slack.secretName" -}}
{{- printf "%s-secret" (include "slack.fullname" .) }}
{{- end }}

{{- define "slack.tokenSecret" -}}
{{- if .Values.slack.tokenFromSecret }}
{{- .Values.slack.tokenFromSecret }}
{{- else }}
{{- $_ := required "slack.tokenFromSecret or slack.token is needed: the Slack app's bot token" .Values.slack.token }}
{{- include "slack.secretName" . }}
{{- end }}
{{- end }}

{{- define "slack.appTokenSecret" -}}
{{- if .Values.review.appTokenFromSecret }}
{{- .Values.review.appTokenFromSecret }}
{{- else }}
{{- $_ := required "review.appTokenFromSecret or review.appToken is needed with review.enabled: the Slack app's app-level token" .Values.review.appToken }}
{{- include "slack.secretName" . }}
{{- end }}
{{- end }}

{{- define "slack.madeAppToken" -}}
{{- if and .Values.review.enabled .Values.review.appToken (not .Values.review.appTokenFromSecret) }}true{{ end }}
{{- end }}

{{- define "slack.madeToken" -}}
{{- if and .Values.slack.token (not .Values.slack.tokenFromSecret) }}true{{ end }}
{{- end }}

{{/* The folder of the log's file, or nothing. */}}
{{- define "slack.logDir" -}}
{{- if hasPrefix "/" .Values.log.output }}{{ dir .Values.log.output }}{{ end }}
{{- end }}
