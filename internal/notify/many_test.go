//go:build !race

package notify

// manyRequests is how many requests a test of what is remembered takes.
const manyRequests = 100_000
