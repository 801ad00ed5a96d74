// Package helm holds the Helm chart, teleport-plugin-slack, and what proves it:
// each file of values in testdata is rendered, compared with what it was,
// decoded strictly into the types of Kubernetes' API, and the configuration in
// it is loaded by the plugin's own loader. How an upgrade from the published
// chart looks to Kubernetes is computed as Helm computes it.
//
// There is no cluster in it: what an API server alone checks, and what running
// pods do, stays open.
package helm
