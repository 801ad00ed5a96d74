//go:build race

package reminder_test

// rapidChecks is less under the race detector, which makes each several times as
// slow.
const rapidChecks = "30"
