// Package e2e tests the built program against a real Teleport server of the oldest
// major version that the plugin supports, with its own tctl and tbot, and against
// the Slack double.
//
// Each story is one test with a cluster and a workspace of its own, because two
// plugins on one cluster share their records. A story polls for what it expects
// until a deadline, never sleeps a fixed time, and ends every process that it
// started. When it fails, it prints the logs of Teleport and the plugin and the
// calls to Slack.
//
// At the end the package prints how many messages were wanted, delivered, lost and
// doubled over all stories.
//
// The tests have the build tag e2e, since the programs take minutes to build: run
// them with "make e2e". Teleport's open-source edition has no reviews, thresholds
// and access lists; these are tested against the Teleport double.
package e2e
