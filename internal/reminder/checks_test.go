//go:build !race

package reminder_test

// rapidChecks is how many random stories a test plays.
const rapidChecks = "100"
