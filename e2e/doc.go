// Package e2e proves the built program against the real thing: a Teleport
// server of the oldest major version that the plugin supports, with its own
// tctl and tbot, on one side, and Slack's double on the other.
//
// Each story is one test with a cluster and a workspace of its own, because
// two plugins on one cluster share what they remember. A story waits for what
// it expects by looking again until a deadline, never by sleeping a fixed
// time, and ends every process that it started. When it fails, it prints what
// Teleport, the plugin and Slack said.
//
// At the end the package says how many messages were wanted, and how many of
// them were delivered, lost and doubled over all stories.
//
// The tests have the build tag e2e, since they need programs that take
// minutes to build: run them with "make e2e". What Teleport's open-source
// edition refuses (reviews, thresholds, access lists) is not told here but in
// the tests against the double of Teleport.
package e2e
